"""Tables as the report shows them: headers and cells of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflow_lib.report.names import MISSING, quantity

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TextTable:
    """A table as the template shows it.

    Args:
        headers: one per column.
        rows: cells.
        texts: number of leading columns that hold text; the others are numbers and stand right-aligned.
        marked: position of a row to emphasise.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1
    marked: int | None = None


def scores_columns(frame: pd.DataFrame, columns: Sequence[str]) -> dict[str, list[str]]:
    """Header -> cells of the score columns; an interval joins its accuracy, a spread its latency.

    Args:
        frame: rows of `front_table`, `baseline_table` or `ranges_table`.
        columns: the columns among them that are scores.
    """
    import pandas as pd

    cells: dict[str, list[str]] = {}
    for name in columns:
        if name == "accuracy_low_pct":
            pairs = zip(frame[name], frame["accuracy_high_pct"], strict=True)
            cells["95 % interval"] = [f"{low:.1f} to {high:.1f}" if pd.notna(low) else MISSING for low, high in pairs]
        elif name == "latency_device_std_ms":
            cells["Std over devices (ms)"] = [quantity(name).number(value) for value in frame[name]]
        elif name != "accuracy_high_pct":
            known = quantity(name)
            digits = known.telling_digits(frame[name])
            cells[known.short_axis] = [known.number(value, digits) for value in frame[name]]
    return cells


def make_table(columns: dict[str, Iterable[object]], texts: int, marked: int | None = None) -> TextTable:
    """Turn columns into a table.

    Args:
        columns: header -> cells.
        texts, marked: see `TextTable`.
    """
    cells = [[str(value) for value in values] for values in columns.values()]
    return TextTable(list(columns), [list(row) for row in zip(*cells, strict=True)], texts, marked)


def plus_minus(value: float, error: float) -> str:
    """A value with its standard error, if that is known."""
    import pandas as pd

    return f"{value:.2f} ± {error:.2f}" if pd.notna(error) else f"{value:.2f}"
