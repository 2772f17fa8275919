"""Text tables for the report: headers and cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflow_lib.report.names import MISSING, column_format

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TextTable:
    """A table in the form that the templates render.

    Args:
        headers: one per column.
        rows: cells, one list per row.
        texts: number of leading columns that hold text; the other columns hold right-aligned numbers.
        marked: index of a row to emphasise; None: no row.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1
    marked: int | None = None


def scores_columns(frame: pd.DataFrame, columns: Sequence[str]) -> dict[str, list[str]]:
    """Format the score columns of a table, including the interval of the accuracy and the spread of the latency.

    Args:
        frame: rows of `front_table`, `baseline_table` or `ranges_table`.
        columns: names of its score columns.

    Returns:
        Header -> cells.
    """
    import pandas as pd

    cells: dict[str, list[str]] = {}
    for name in columns:
        if name == "accuracy_low_pct":
            pairs = zip(frame[name], frame["accuracy_high_pct"], strict=True)
            cells["95 % interval"] = [f"{low:.1f} to {high:.1f}" if pd.notna(low) else MISSING for low, high in pairs]
        elif name == "latency_device_std_ms":
            cells["Std over devices (ms)"] = [column_format(name).number(value) for value in frame[name]]
        elif name != "accuracy_high_pct":
            shown = column_format(name)
            digits = shown.distinguishing_digits(frame[name])
            cells[shown.short_axis] = [shown.number(value, digits) for value in frame[name]]
    return cells


def make_table(columns: dict[str, Iterable[object]], texts: int, marked: int | None = None) -> TextTable:
    """Build a text table from columns.

    Args:
        columns: header -> cells.
        texts: number of leading columns that hold text.
        marked: index of a row to emphasise; None: no row.

    >>> make_table({"Class": ["T"], "Chips": [3]}, texts=1).rows
    [['T', '3']]
    """
    cells = [[str(value) for value in values] for values in columns.values()]
    return TextTable(list(columns), [list(row) for row in zip(*cells, strict=True)], texts, marked)


def plus_minus(value: float, error: float) -> str:
    """Format a value with its standard error, if it is known.

    >>> plus_minus(3.5, 0.25), plus_minus(3.5, float("nan"))
    ('3.50 ± 0.25', '3.50')
    """
    import pandas as pd

    return f"{value:.2f} ± {error:.2f}" if pd.notna(error) else f"{value:.2f}"
