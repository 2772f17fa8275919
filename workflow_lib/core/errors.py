"""Errors that a user can mend, and how a process ends with one."""

import sys
from typing import NoReturn


class UserError(Exception):
    """Something the user can put right; a stage ends with it as one line and exit code 2.

    Args:
        what: what is wrong.
        where: the file, folder or config key it is wrong in.
        fix: what to do about it.
    """

    def __init__(self, what: str, where: object = "", fix: str = "") -> None:
        place = f"{where}: " if str(where) else ""
        advice = f"; {fix}" if fix else ""
        super().__init__(" ".join(f"{place}{what}{advice}".split()))
        self.what = what
        self.where = str(where)


class ConfigError(UserError):
    """A key or value of the configuration is wrong."""


class ChipError(UserError):
    """One chip cannot be used; `data.on_bad_chip` decides whether it is dropped or ends the run."""


class TableError(UserError):
    """A table does not have the columns, types, ranges or key that its schema declares."""


def end_with(error: object) -> NoReturn:
    """End the process as for every error of this kind: one line on standard error, and exit code 2."""
    print(f"error: {error}", file=sys.stderr)
    sys.exit(2)
