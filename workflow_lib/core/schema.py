"""The declared schema of a table between stages: its columns, their units and bounds.

Declarations are read while a run is planned, so this module imports neither pandas nor pyarrow. Reading and writing is
done by `core.table_files`, which each method imports when it is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        name: its name, or with `family=True` a regular expression that any number of columns may match.
        kind: "text", "integer", "number", "flag", or "numbers", "integers", "texts" for a list per row; "choice" for
            whole numbers, or else text.
        unit: unit of the values ("" for none), also in the Parquet metadata.
        meaning: one phrase for people.
        low, high: bounds of the values, inclusive.
        above: bound of the values, exclusive.
        optional: whether a value may be missing.
        family: see `name`.
    """

    name: str
    kind: str
    unit: str = ""
    meaning: str = ""
    low: float | None = None
    high: float | None = None
    optional: bool = False
    family: bool = False
    above: float | None = None


@dataclass(frozen=True)
class Table:
    """The schema of one table.

    Args:
        name: the table's name, for messages and for the Parquet metadata.
        columns: its columns, in order.
        key: columns that together identify a row.
    """

    name: str
    columns: Sequence[Column]
    key: Sequence[str] = field(default=())

    def write(self, frame: pd.DataFrame, path: Path) -> None:
        """Check a table and write it atomically.

        Args:
            frame: the rows; columns whose values may be missing may be absent.
            path: a path that ends in .csv gets CSV, any other Parquet.

        Raises:
            TableError: if the frame is not as declared.
        """
        from workflow_lib.core import table_files

        table_files.write(self, frame, path)

    def read(self, path: Path) -> pd.DataFrame:
        """Read a Parquet file, or a CSV file without lists, and check it.

        Args:
            path: the file. CSV files are written by people: they may lack columns whose values may be missing.

        Raises:
            TableError: if it is no such file, or not as declared.
            DamagedTableError: if it is a Parquet file that is damaged, or that is not as declared.
        """
        from workflow_lib.core import table_files

        return table_files.read(self, path)

    def read_filled(self, path: Path) -> pd.DataFrame:
        """Read a file that must have rows.

        Raises:
            TableError: if it has none, or is not as declared.
        """
        from workflow_lib.core import table_files

        return table_files.read_filled(self, path)

    def read_all(self, paths: Sequence[Path]) -> pd.DataFrame:
        """Read many files of this schema into one table; the key must hold over all of them.

        Raises:
            TableError: if one is not as declared, or two hold the same key.
        """
        return self.concatenate([self.read_filled(path) for path in paths], paths[0].parent)

    def concatenate(self, parts: Sequence[pd.DataFrame], where: Path) -> pd.DataFrame:
        """Join tables of this schema into one; the key must hold over all of them.

        Args:
            parts: tables of this schema.
            where: named in an error.

        Raises:
            TableError: if two hold the same key.
        """
        from workflow_lib.core import table_files

        return table_files.concatenate(self, parts, where)

    def check(self, frame: pd.DataFrame, where: Path) -> None:
        """Check a frame without writing it; columns whose values may be missing may be absent.

        Args:
            frame: the rows.
            where: named in an error.

        Raises:
            TableError: if it is not as declared.
        """
        from workflow_lib.core import table_files

        table_files.to_arrow(self, self.complete(frame), where)

    def complete(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add the columns that a frame lacks and whose values may be missing."""
        lacking = [column.name for column in self.columns if column.optional and column.name not in frame]
        return frame.assign(**dict.fromkeys(lacking))


def percent(name: str, meaning: str, kind: str = "number", optional: bool = False, family: bool = False) -> Column:
    """Declare a column of percentages, 0 to 100.

    Args:
        name, meaning, kind, optional, family: see `Column`.
    """
    return Column(name, kind, "%", meaning, 0.0, 100.0, optional, family)
