"""Columns of a table of models that anybody wrote."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError


def model_names(table: pd.DataFrame, name: str, unique: bool = True) -> NDArray[np.object_]:
    """Return the names of the models as text; whole numbers of a Parquet column have no decimals.

    Args:
        table: one row per model.
        name: column with the names.
        unique: whether each name must occur once.

    Raises:
        UserError: if there is no such column, no row, a row without a name, or a name twice.
    """
    if name not in table:
        raise UserError(f"there is no column {name}", "table", f"choose one of {', '.join(map(str, table.columns))}")
    if table.empty:
        raise UserError("has no rows", "table")
    column = table[name]
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    names = np.array(["" if pd.isna(value) else str(value) for value in column], dtype=object)
    if nameless := [row for row, text in enumerate(names, start=1) if not text.strip()]:
        raise UserError(f"row {nameless[0]} has no name in column {name}", "table")
    if unique and len(set(names)) < len(names):
        duplicate = next(text for row, text in enumerate(names) if text in names[:row])
        raise UserError(f"column {name} names {duplicate} twice", "table", "choose a column with unique names")
    return names


def numbers_of(table: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Return a column as numbers; NaN where a cell is not a number, or is true or false.

    Raises:
        UserError: if there is no such column.
    """
    if column not in table:
        raise UserError(f"there is no column {column}", "table", f"choose one of {', '.join(map(str, table))}")
    # Python would treat true and false as numbers.
    flags = table[column].map(lambda value: isinstance(value, bool | np.bool_)).astype(bool)
    numbers: NDArray[np.float64] = pd.to_numeric(table[column].astype(object).where(~flags), errors="coerce").to_numpy(
        dtype=np.float64
    )
    return numbers
