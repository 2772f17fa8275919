"""Pareto fronts of each pair of accuracy, throughput and utilization."""

from itertools import combinations

import pandas as pd

from workflow_lib.core.candidate import TRAINED
from workflow_lib.pareto.dominance import front_mask

METRICS = {
    "accuracy_pct": "Accuracy (%)",
    "images_per_s": "Throughput (images/s)",
    "utilization_pct": "Utilization (%)",
}
"""Column -> axis title; all are maximised."""


def with_utilization(ranked: pd.DataFrame, utilizations: pd.DataFrame) -> pd.DataFrame:
    """Join candidates with the utilization of their networks, and mark the front of each pair of metrics.

    Args:
        ranked: table FRONT, with all candidates and baselines.
        utilizations: table UTILIZATIONS.

    Returns:
        The candidates as they were trained, with the columns of UTILIZATIONS and `on_<metric>_<metric>` for each pair.
    """
    measured = ~ranked["baseline"].astype(bool) & (ranked["precision"] == TRAINED)
    table = ranked[measured].merge(utilizations, on=["channels", "architecture"])
    for pair in combinations(METRICS, 2):
        table[flag(*pair)] = front_mask(-table[list(pair)].to_numpy(dtype=float))
    return table


def on_all_fronts(table: pd.DataFrame) -> pd.Series:
    """Return a mask of the rows of `with_utilization` that are on the front of every pair of metrics."""
    return table[[flag(*pair) for pair in combinations(METRICS, 2)]].all(axis=1)


def flag(first: str, second: str) -> str:
    """Return the name of the column that marks the front of a pair of metrics."""
    return f"on_{first}_{second}"
