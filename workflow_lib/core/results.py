"""Tables that a run keeps: which schema each has, where it lies, and in which runs it exists.

A rule writes the file and its path is a literal there; a figure or a section of the report names the result, and the
workflow finds its files here. A test compares both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from string import Formatter
from typing import TYPE_CHECKING, Any

from workflow_lib.core.arguments import listed_paths
from workflow_lib.core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from workflow_lib.core.schema import Table

_WILDCARDS: dict[str, Callable[[Any], Sequence[str]]] = {
    "channels": lambda config: list(config.grid.channel_sets),
    "region": lambda config: list(config.data.regions),
}


def always(_config: Any) -> bool:
    """The condition of what every run has."""
    return True


@dataclass(frozen=True)
class Result:
    """One table of a run, in one file or in several.

    Args:
        name: how figures, sections and command lines refer to it.
        table: its schema.
        files: its path below results/<run>, with `{channels}` or `{region}` for one file each; or a function of the
            configuration that lists all its paths.
        when: whether a run of a configuration has it.
        meaning: one phrase for the report's list of files; empty: it is not listed.
        filled: whether a file without rows is an error.
    """

    name: str
    table: Table
    files: str | Callable[[Any], Sequence[str]]
    when: Callable[[Any], bool] = always
    meaning: str = ""
    filled: bool = False

    def paths(self, config: Any) -> list[str]:
        """Its files below results/<run>.

        Args:
            config: the whole configuration (`workflow_lib.config.Config`).
        """
        if callable(self.files):
            return list(self.files(config))
        names = [name for _, name, _, _ in Formatter().parse(self.files) if name]
        values = product(*(_WILDCARDS[name](config) for name in names))
        return [self.files.format(**dict(zip(names, chosen, strict=True))) for chosen in values]

    def read(self, paths: Sequence[Path]) -> pd.DataFrame:
        """Read all its files into one table.

        Args:
            paths: at least one.

        Raises:
            TableError: if one is not as declared, or two hold the same key.
        """
        read = self.table.read_filled if self.filled else self.table.read
        parts = [read(path) for path in paths]
        return parts[0] if len(parts) == 1 else self.table.concatenate(parts, paths[0].parent)


def given_files(pairs: Sequence[str], reader: str, needed: Iterable[Result]) -> dict[str, list[Path]]:
    """Read the values RESULT=FILE of the flag --table; a result may have several files.

    Args:
        pairs: the values.
        reader: what reads these tables, for messages.
        needed: the results that it cannot do without.

    Raises:
        ConfigError: if one has no =, or one that is needed is missing.
    """
    files = listed_paths(pairs, "--table")
    if missing := [result.name for result in needed if result.name not in files]:
        raise ConfigError(f"{reader} needs {', '.join(missing)}", "--table", f"write {missing[0]}=FILE")
    return files
