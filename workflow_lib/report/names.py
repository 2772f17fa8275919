"""Display names of table columns: title, unit and number format, from the tables' schema."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from workflow_lib.analysis.candidate_tables import FRONT
from workflow_lib.core.schema import Column
from workflow_lib.costs import all_costs
from workflow_lib.spaces.networks import all_spaces

if TYPE_CHECKING:
    from workflow_lib.config import Config

_TITLES = {
    "accuracy_pct": ("Accuracy", "Accuracy"),
    "f1_pct": ("F1 score, mean over classes", "F1 score"),
    "macro_precision_pct": ("Precision, mean over classes", "Precision"),
    "macro_recall_pct": ("Recall, mean over classes", "Recall"),
    "auc": ("AUC, mean over classes", "AUC"),
    "average_precision": ("Average precision, mean over classes", "Average precision"),
    "matthews": ("Matthews correlation", "Matthews"),
    "latency_mean_ms": ("Latency, mean over devices", "Latency"),
    "latency_worst_ms": ("Latency, slowest device", "Worst latency"),
    "latency_device_std_ms": ("Latency, standard deviation over devices", "Latency std"),
    "energy_mean_mj": ("Energy, mean over devices", "Energy"),
    "training_s": ("Training time, mean over folds", "Training"),
    "hypervolume_pct": ("Hypervolume lost without the candidate", "Hypervolume"),
    "front_frequency": ("Front frequency", "Front frequency"),
}
_UNIT_FORMATS = {
    "B": ("MB", 1e-6, 2),
    "%": ("%", 1.0, 1),
    "ms": ("ms", 1.0, 2),
    "mJ": ("mJ", 1.0, 2),
    "s": ("s", 1.0, 1),
}
_COLUMN_FORMATS = {
    "front_frequency": ("%", 100.0, 0),
}
_EXTRA_DIGITS = {"MB": 2, "million": 4, "billion": 4}

MISSING = "undefined"
"""Text that replaces a missing number."""


def is_missing(value: Any) -> TypeGuard[None]:
    """Whether a value of a table is None, NaN or NA."""
    import pandas as pd

    return bool(pd.isna(value))


@dataclass(frozen=True)
class ColumnFormat:
    """How the values of a column are displayed.

    Args:
        title: name in a sentence or on an axis.
        short: short name for places with little room.
        unit: displayed unit ("" for none); a megabyte is 10^6 bytes.
        factor: displayed value = stored value x factor.
        digits: number of decimals.
    """

    title: str
    short: str
    unit: str
    factor: float
    digits: int

    @property
    def axis(self) -> str:
        """Title and unit, such as "Latency, mean over devices (ms)"."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def short_axis(self) -> str:
        """Short title and unit, such as "Latency (ms)"."""
        return f"{self.short} ({self.unit})" if self.unit else self.short

    def number(self, value: float | None, digits: int | None = None) -> str:
        """Format a stored value in the displayed unit, without the unit.

        >>> ColumnFormat("Memory", "Memory", "MB", 1e-6, 2).number(11_175_404)
        '11.18'
        """
        if value is None or is_missing(value):
            return MISSING
        return f"{value * self.factor:,.{self.digits if digits is None else digits}f}"

    def text(self, value: float | None) -> str:
        """Format a stored value with its unit, such as "8.19 ms"."""
        number = self.number(value)
        return number if number == MISSING or not self.unit else f"{number} {self.unit}"

    def distinguishing_digits(self, values: Iterable[float]) -> int:
        """Return the fewest decimals that keep different values distinct, up to a limit that depends on the unit.

        A difference of 200 bytes can decide which candidate is on the front, so two such files must not both be shown
        as "11.18 MB".

        >>> ColumnFormat("Memory", "Memory", "MB", 1e-6, 2).distinguishing_digits([11_175_404, 11_175_204])
        4
        """
        import pandas as pd

        shown = pd.Series(list(values), dtype=float).dropna() * self.factor
        limit = self.digits + _EXTRA_DIGITS.get(self.unit, 0)
        sufficient = (d for d in range(self.digits, limit) if shown.round(d).nunique() == shown.nunique())
        return next(sufficient, limit)


def column_format(column: str) -> ColumnFormat:
    """Return how a column of the front table is displayed.

    Args:
        column: name, such as "latency_mean_ms".

    Raises:
        KeyError: if the schema declares no such column.
    """
    declared = _declared(column)
    cost = all_costs().get(column)
    if cost:
        title, short = cost.title, cost.short
    elif column in _TITLES:
        title, short = _TITLES[column]
    elif declared.family and (device := re.fullmatch(r"(latency|energy)_(.+)_(?:ms|mj)", column)):
        title, short = f"{device[1].capitalize()}, {device[2]}", device[2]
    elif declared.family and (runtime := re.fullmatch(r"file_(.+)_bytes", column)):
        title, short = f"File, {runtime[1]}", f"File, {runtime[1]}"
    elif declared.family and (score := re.fullmatch(r"(precision|recall)_(.+)_pct", column)):
        title = short = f"{score[1].capitalize()} of class {score[2]}"
    else:
        title = short = declared.meaning[:1].upper() + declared.meaning[1:]
    if cost and cost.shown:
        return ColumnFormat(title, short, cost.shown.unit, cost.shown.factor, cost.shown.digits)
    unit, factor, digits = _COLUMN_FORMATS.get(column) or _UNIT_FORMATS.get(declared.unit) or (declared.unit, 1.0, 3)
    return ColumnFormat(title, short, unit, factor, digits)


def shown_as(column: str) -> ColumnFormat:
    """Return how a column of any table is displayed; by its plain name if it is not in the front table."""
    try:
        return column_format(column)
    except KeyError:
        return named_plainly(column)


def named_plainly(column: str) -> ColumnFormat:
    """Display a column by its own name and in its own unit."""
    return ColumnFormat(column, column, "", 1.0, 3)


def axis_name(column: str) -> str:
    """Return title and unit of a column of the front table, such as "Latency, mean over devices (ms)"."""
    return column_format(column).axis


def device_column(device: str, quantity: str = "latency_ms") -> str:
    """Return the column of the candidates table that holds a device's latency_ms or energy_mj.

    >>> device_column("pixel", "energy_mj")
    'energy_pixel_mj'
    """
    name, unit = quantity.split("_")
    return f"{name}_{device}_{unit}"


def _declared(column: str) -> Column:
    exact = [declared for declared in FRONT.columns if not declared.family and declared.name == column]
    family = [declared for declared in FRONT.columns if declared.family and re.fullmatch(declared.name, column)]
    if not exact + family:
        raise KeyError(f"table {FRONT.name} declares no column {column}")
    return (exact + family)[0]


def searched_from(config: Config) -> str:
    """Describe the set from which the candidates of a run were chosen."""
    if config.assembled:
        return f"the {all_spaces()[config.assembled.space].title}"
    return f"{config.grid_size:,} candidates"
