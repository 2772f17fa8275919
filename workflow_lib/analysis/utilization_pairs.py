"""Fronts of accuracy, throughput and utilization, two at a time."""

from itertools import combinations

import pandas as pd

from workflow_lib.pareto.dominance import front_mask

METRICS = {
    "accuracy_pct": "Accuracy (%)",
    "images_per_s": "Throughput (images/s)",
    "utilization_pct": "Utilization (%)",
}
"""Column -> its name on an axis; of all, more is better."""


def with_utilization(ranked: pd.DataFrame, utilizations: pd.DataFrame) -> pd.DataFrame:
    """Join candidates with their networks' utilization, and mark the front of each pair of metrics.

    Args:
        ranked: the front table, all candidates and baselines.
        utilizations: UTILIZATIONS.

    Returns:
        The candidates, with the columns of UTILIZATIONS and `on_<metric>_<metric>` for each pair.
    """
    table = ranked[~ranked["baseline"].astype(bool)].merge(utilizations, on=["channels", "architecture"])
    for pair in combinations(METRICS, 2):
        table[flag(*pair)] = front_mask(-table[list(pair)].to_numpy(dtype=float))
    return table


def on_all_fronts(table: pd.DataFrame) -> pd.Series:
    """Who is on the front of every pair of metrics: a mask over the rows of `with_utilization`."""
    return table[[flag(*pair) for pair in combinations(METRICS, 2)]].all(axis=1)


def flag(first: str, second: str) -> str:
    """The column that marks the front of a pair of metrics."""
    return f"on_{first}_{second}"
