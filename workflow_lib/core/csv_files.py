"""CSV files written by people: every cell is read as text, and a malformed file gives a one-line error."""

import csv
from collections import Counter
from pathlib import Path

import pandas as pd

from workflow_lib.core.errors import TableError

_TRUE, _FALSE = {"true", "yes", "1", "1.0"}, {"false", "no", "0", "0.0"}


def is_csv(path: Path) -> bool:
    """Whether a file name ends in .csv, in upper or lower case."""
    return path.suffix.lower() == ".csv"


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file without guessing types: names such as 001, NA or 1e5 remain unchanged.

    Args:
        path: a UTF-8 file with a header, separated by commas.

    Returns:
        All cells as text; empty cells are "".

    Raises:
        TableError: if the file has no header, a duplicate column, or a row of a different length.
        FileNotFoundError: if there is no such file.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, row) for row in reader if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise TableError(f"not a readable CSV file ({error})", path) from None
    if not rows:
        raise TableError("not a readable CSV file (it is empty)", path)
    (_, header), *body = rows
    if len(header) == 1 and (found := {";", "\t"} & set(header[0])):
        raise TableError(f"its columns are separated by {found.pop()!r}", path, "separate them with commas")
    if duplicates := [name for name, count in Counter(header).items() if count > 1]:
        raise TableError(f"two columns are called {duplicates[0]!r}", path)
    for line, row in body:
        if len(row) != len(header):
            raise TableError(f"line {line} has {len(row)} values for {len(header)} columns", path)
    return pd.DataFrame([row for _, row in body], columns=header, dtype=object)


def parse_flags(values: pd.Series, where: object) -> pd.Series:
    """Parse a column of flags: true or false, yes or no, 1 or 0, in upper or lower case.

    Args:
        values: the cells as text.
        where: the file, for error messages.

    Raises:
        TableError: if a value is none of these.
    """
    texts = values.map(lambda value: str(value).strip().lower())
    if (unknown := ~texts.isin(_TRUE | _FALSE)).any():
        raise TableError(
            f"column {values.name} holds {values[unknown].iloc[0]!r}, but flags must be true or false", where
        )
    return texts.isin(_TRUE)
