"""Result tables of a run: the schema and path of each, and which runs have it.

The rule that writes a table spells its path as a literal. Figures and report sections name the result, and the workflow
looks up its files here. A test checks that both agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from string import Formatter
from typing import TYPE_CHECKING, Any

from workflow_lib.core.arguments import parse_path_lists
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
    """Return True: the condition of a result that every run has."""
    return True


@dataclass(frozen=True)
class Result:
    """A result table of a run, stored in one or more files.

    Args:
        name: name by which figures, sections and command lines refer to it.
        table: its schema.
        files: path below results/<run>, with `{channels}` or `{region}` if there is one file for each; or a function
            of the configuration that lists all paths.
        when: function of the configuration: whether a run has this result.
        meaning: short description for the report's list of files; empty: not listed.
        filled: whether a file without rows is an error.
    """

    name: str
    table: Table
    files: str | Callable[[Any], Sequence[str]]
    when: Callable[[Any], bool] = always
    meaning: str = ""
    filled: bool = False

    def paths(self, config: Any) -> list[str]:
        """List the paths of its files below results/<run>.

        Args:
            config: the whole configuration (`workflow_lib.config.Config`).
        """
        if callable(self.files):
            return list(self.files(config))
        names = [name for _, name, _, _ in Formatter().parse(self.files) if name]
        values = product(*(_WILDCARDS[name](config) for name in names))
        return [self.files.format(**dict(zip(names, chosen, strict=True))) for chosen in values]

    def read(self, paths: Sequence[Path]) -> pd.DataFrame:
        """Read all files of the result into one table.

        Args:
            paths: one or more files.

        Raises:
            TableError: if a file does not match the schema, or two rows have the same key.
        """
        read = self.table.read_nonempty if self.filled else self.table.read
        parts = [read(path) for path in paths]
        return parts[0] if len(parts) == 1 else self.table.concatenate(parts, paths[0].parent)


def parse_table_files(pairs: Sequence[str], reader: str, needed: Iterable[Result]) -> dict[str, list[Path]]:
    """Parse the RESULT=FILE values of the flag --table; a result may have several files.

    Args:
        pairs: the values.
        reader: name of the figure, section or stage that reads the tables, for error messages.
        needed: results that must be given.

    Raises:
        ConfigError: if a value has no =, or a needed result is missing.
    """
    files = parse_path_lists(pairs, "--table")
    if missing := [result.name for result in needed if result.name not in files]:
        raise ConfigError(f"{reader} needs {', '.join(missing)}", "--table", f"write {missing[0]}=FILE")
    return files
