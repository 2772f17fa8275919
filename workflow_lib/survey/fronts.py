"""The fronts of a survey: of all columns together, and of each pair."""

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.pareto.dominance import front_mask, hypervolume_share, pareto_ranks
from workflow_lib.survey.models import Models

_SAMPLES = 1000


def pair_fronts(models: Models) -> pd.DataFrame:
    """Find the front of each pair of columns.

    Returns:
        Rows of PAIR_FRONTS, best in the first column first.
    """
    parts = []
    for pair in combinations(range(len(models.columns)), 2):
        losses = models.losses[:, pair]
        front = front_mask(losses)
        rows = pd.DataFrame({
            "first": models.columns[pair[0]], "second": models.columns[pair[1]], "model": models.names,
            "hypervolume_pct": hypervolume_share(losses, front),
        })  # fmt: skip
        order = np.lexsort((np.array(models.names, dtype=str), losses[:, 0]))
        parts.append(rows.iloc[order[front[order]]])
    return pd.concat(parts, ignore_index=True)


def rank_models(models: Models, fronts: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Rank the models by the front of all columns.

    Args:
        models: the models.
        fronts: rows of PAIR_FRONTS.
        seed: seed of the samples.

    Returns:
        Rows of SURVEYED: the front first, best in the first column first.
    """
    ranks = pareto_ranks(models.losses)
    table = pd.DataFrame({
        "model": models.names,
        "rank": ranks,
        "hypervolume_pct": hypervolume_share(models.losses, ranks == 0),
        "pair_fronts": fronts["model"].value_counts().reindex(models.names, fill_value=0).to_numpy(),
        "front_pct": _front_pct(models, seed) if models.deviations.any() else None,
    })  # fmt: skip
    for place, column in enumerate(models.columns):
        table[f"value_{column}"] = models.values[:, place]
    order = np.lexsort((np.array(models.names, dtype=str), models.losses[:, 0], ranks))
    return table.iloc[order].reset_index(drop=True)


def _front_pct(models: Models, seed: int) -> NDArray[np.float64]:
    """Return how often each model is on the front if all values are drawn from normal distributions (percent)."""
    generator, hits = np.random.default_rng(seed), np.zeros(len(models.names))
    for _ in range(_SAMPLES):
        hits += front_mask(generator.normal(models.values, models.deviations) * models.signs)
    return 100 * hits / _SAMPLES
