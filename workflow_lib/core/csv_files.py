"""CSV files that people write: every cell as text, and one clear line where the file is not a plain table."""

import csv
from collections import Counter
from pathlib import Path

import pandas as pd

from workflow_lib.core.errors import TableError

_TRUE, _FALSE = {"true", "yes", "1", "1.0"}, {"false", "no", "0", "0.0"}


def is_csv(path: Path) -> bool:
    """Whether a file's name says that it is a CSV file, in any case."""
    return path.suffix.lower() == ".csv"


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file without guessing types: names such as 001, NA or 1e5 stay what they are.

    Args:
        path: a UTF-8 file, with commas and a header.

    Returns:
        All cells as text, empty ones as "".

    Raises:
        TableError: if it is not such a file: no header, a column named twice, or a row of another length.
        FileNotFoundError: if there is none.
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
        raise TableError(f"its columns are separated by {found.pop()!r}", path, "separate them by commas")
    if twice := [name for name, count in Counter(header).items() if count > 1]:
        raise TableError(f"two columns are called {twice[0]!r}", path)
    for line, row in body:
        if len(row) != len(header):
            raise TableError(f"line {line} has {len(row)} values for {len(header)} columns", path)
    return pd.DataFrame([row for _, row in body], columns=header, dtype=object)


def parse_flags(values: pd.Series, where: object) -> pd.Series:
    """Read a column of flags: true and false, yes and no, 1 and 0, in any case.

    Raises:
        TableError: if a value is none of these.
    """
    texts = values.map(lambda value: str(value).strip().lower())
    if (unknown := ~texts.isin(_TRUE | _FALSE)).any():
        raise TableError(f"column {values.name} holds {values[unknown].iloc[0]!r}, and flags are true or false", where)
    return texts.isin(_TRUE)
