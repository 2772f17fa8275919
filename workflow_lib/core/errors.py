"""Errors that the user can fix, and how a process exits with one."""

import sys
from typing import NoReturn


class UserError(Exception):
    """An error that the user can fix. A stage prints it as one line and exits with code 2.

    Args:
        what: what is wrong.
        where: file, folder or config key that is wrong.
        fix: what the user should do.

    >>> str(UserError("no such file", "points.csv", "check data.clip.points"))
    'points.csv: no such file; check data.clip.points'
    """

    def __init__(self, what: str, where: object = "", fix: str = "") -> None:
        place = f"{where}: " if str(where) else ""
        advice = f"; {fix}" if fix else ""
        super().__init__(" ".join(f"{place}{what}{advice}".split()))
        self.what = what
        self.where = str(where)
        self.fix = fix


class ConfigError(UserError):
    """A configuration key or value is wrong."""


class ChipError(UserError):
    """A chip cannot be used; `data.on_bad_chip` decides whether it is dropped or the run ends."""


class TableError(UserError):
    """A table does not match the columns, types, ranges or key of its schema."""


def exit_with_error(error: object) -> NoReturn:
    """Print an error as one line on standard error and exit with code 2."""
    print(f"error: {error}", file=sys.stderr)
    sys.exit(2)
