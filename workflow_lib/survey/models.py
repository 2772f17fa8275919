"""Models and their columns, from any table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.analysis.model_columns import model_names, numbers_of
from workflow_lib.core.errors import UserError

Numbers = NDArray[np.float64]
_MAX_SIZE = 1e100
_MISSING = {"", "na", "nan", "none", "null", "n/a", "-"}


@dataclass(frozen=True)
class Models:
    """The models of a table that have a value in each column.

    Args:
        names: names of the models.
        columns: names of the columns.
        directions: column -> min (lower is better) or max (higher is better).
        values: (n, m) values; means, if the table has repeated measurements.
        deviations: (n, m) standard deviations of the values; 0 where none is known.
        left_out: names of the models that lack a value.
        incomplete: number of repeated measurements that lack a value.
    """

    names: list[str]
    columns: list[str]
    directions: Mapping[str, str]
    values: Numbers
    deviations: Numbers
    left_out: Sequence[str]
    incomplete: int

    @property
    def losses(self) -> Numbers:
        """(n, m) values with the sign that makes lower better."""
        return self.values * self.signs

    @property
    def signs(self) -> Numbers:
        """(m,) 1 where lower is better, -1 where higher is better."""
        return np.array([self.sign(column) for column in self.columns])

    def sign(self, column: str) -> float:
        """Return 1 if lower values of a column are better, -1 if higher ones are."""
        return 1.0 if self.directions[column] == "min" else -1.0


def read_models(
    table: pd.DataFrame, name: str, directions: Mapping[str, str], deviations: Mapping[str, str], repeats: bool
) -> Models:
    """Take the models and their columns from a table.

    Args:
        table: one row per model, or per measurement of a model.
        name: column with the names of the models.
        directions: column -> min or max.
        deviations: column -> column with its standard deviation.
        repeats: rows with the same name are repeated measurements of a model. Their means are its values, and their
            standard deviations those of its values (Partovi Nia et al., algorithm 1, step 1).

    Raises:
        UserError: if a column is missing, a cell is neither a number nor empty, a name occurs twice without `repeats`,
            or fewer than two models have all values.
    """
    names, columns = model_names(table, name, unique=not repeats), list(directions)
    values = np.column_stack([_cells(table, column, names) for column in columns])
    spread = np.zeros_like(values)
    for place, column in enumerate(columns):
        if column in deviations:
            spread[:, place] = _cells(table, deviations[column], names)
            if (spread[:, place] < 0).any():
                raise UserError(f"column {deviations[column]} has a negative standard deviation", "table")
    complete = np.isfinite(values).all(1) & np.isfinite(spread).all(1)
    kept, values, spread = names[complete], values[complete], spread[complete]
    if repeats:
        kept, values, spread = _means(kept, values)
    if len(kept) < 2:
        raise UserError(
            f"{len(kept)} of the models has a value in each of {', '.join(columns)}",
            "table",
            "a front needs two models",
        )
    left_out = sorted(set(names) - set(kept))
    return Models(list(kept), columns, directions, values, spread, left_out, int((~complete).sum()) if repeats else 0)


def _means(names: NDArray[np.object_], values: Numbers) -> tuple[NDArray[np.object_], Numbers, Numbers]:
    """Return each name once, in order of appearance, with means and standard deviations; 0 for a single value."""
    groups = pd.DataFrame(values).groupby(names, sort=False)
    means = groups.mean()
    return means.index.to_numpy(dtype=object), means.to_numpy(), groups.std(ddof=1).fillna(0.0).to_numpy()


def _cells(table: pd.DataFrame, column: str, names: NDArray[np.object_]) -> Numbers:
    """Return a column as numbers, NaN where a cell is empty."""
    numbers = numbers_of(table, column)
    empty = table[column].map(lambda cell: pd.isna(cell) or str(cell).strip().lower() in _MISSING).to_numpy(dtype=bool)
    if (wrong := ~np.isfinite(numbers) & ~empty).any():
        raise UserError(
            f"column {column} holds {str(table[column][wrong].iloc[0])!r} for {names[wrong][0]}, not a number", "table",
            "correct the cell, or leave it empty",
        )  # fmt: skip
    values = np.where(empty, np.nan, numbers)
    if (np.abs(values) > _MAX_SIZE).any():
        raise UserError(f"column {column} holds values beyond {_MAX_SIZE:g}", "table", "change its unit")
    return values
