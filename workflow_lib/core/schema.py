"""Schemas of the tables that stages exchange: columns, units and bounds.

Schemas are read when a run is planned, so this module imports neither pandas nor pyarrow. The methods import
`core.table_files`, which reads and writes the tables, when they are called.
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
    """The schema of one column.

    Args:
        name: name of the column, or with `family=True` a regular expression that any number of columns may match.
        kind: "text", "integer", "number" or "flag"; "numbers", "integers" or "texts" for a list per row, and
            "float16s" or "int32s" for a long one; or "choice" for a column of either whole numbers or text.
        unit: unit of the values ("" for none), stored in the Parquet metadata.
        meaning: short description of the values.
        low, high: inclusive bounds of the values.
        above: exclusive lower bound of the values.
        optional: whether values may be missing.
        family: whether `name` is a regular expression.
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
        name: name of the table, used in error messages and the Parquet metadata.
        columns: its columns, in order.
        key: names of the columns that together identify a row.
    """

    name: str
    columns: Sequence[Column]
    key: Sequence[str] = field(default=())

    def write(self, frame: pd.DataFrame, path: Path) -> None:
        """Check a table and write it atomically.

        Args:
            frame: the rows; optional columns may be absent.
            path: file to write: CSV if the name ends in .csv, otherwise Parquet.

        Raises:
            TableError: if the frame does not match the schema.
        """
        from workflow_lib.core import table_files

        table_files.write(self, frame, path)

    def read(self, path: Path) -> pd.DataFrame:
        """Read a Parquet file, or a CSV file without lists, and check it.

        Args:
            path: file to read; a CSV file, which people write, may lack optional columns.

        Raises:
            TableError: if the file is missing, has another format, or is a CSV file that does not match the schema.
            DamagedTableError: if it is a Parquet file that is damaged or does not match the schema.
        """
        from workflow_lib.core import table_files

        return table_files.read(self, path)

    def read_nonempty(self, path: Path) -> pd.DataFrame:
        """Read a file that must contain rows.

        Raises:
            TableError: if it has no rows, or does not match the schema.
        """
        from workflow_lib.core import table_files

        return table_files.read_nonempty(self, path)

    def read_all(self, paths: Sequence[Path]) -> pd.DataFrame:
        """Read many files of this schema into one table; keys must be unique across all files.

        Raises:
            TableError: if a file does not match the schema, or two rows have the same key.
        """
        return self.concatenate([self.read_nonempty(path) for path in paths], paths[0].parent)

    def concatenate(self, parts: Sequence[pd.DataFrame], where: Path) -> pd.DataFrame:
        """Concatenate tables of this schema; keys must be unique across all tables.

        Args:
            parts: tables of this schema.
            where: path for error messages.

        Raises:
            TableError: if two rows have the same key.
        """
        from workflow_lib.core import table_files

        return table_files.concatenate(self, parts, where)

    def check(self, frame: pd.DataFrame, where: Path) -> None:
        """Check a frame without writing it.

        Args:
            frame: the rows; optional columns may be absent.
            where: path for error messages.

        Raises:
            TableError: if the frame does not match the schema.
        """
        from workflow_lib.core import table_files

        table_files.to_arrow(self, self.complete(frame), where)

    def complete(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add the optional columns that a frame lacks, without values."""
        named = [column.name for column in self.columns if column.optional and not column.family]
        lacking = [name for name in named if name not in frame]
        return frame.assign(**dict.fromkeys(lacking))


def percent(name: str, meaning: str, kind: str = "number", optional: bool = False, family: bool = False) -> Column:
    """Declare a column of percentages from 0 to 100.

    Args:
        name, meaning, kind, optional, family: see `Column`.
    """
    return Column(name, kind, "%", meaning, 0.0, 100.0, optional, family)
