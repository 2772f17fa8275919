"""What the noise of cross-validation makes of a front."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.pareto.dominance import front_mask, to_losses
from workflow_lib.pareto.front_config import Objective


def front_frequency(
    candidates: pd.DataFrame, objectives: Sequence[Objective], resamples: int, seed: int
) -> NDArray[np.float64]:
    """How often each candidate is on the front when its accuracy is resampled from its folds.

    A resample draws folds with replacement, the same ones for all candidates, because they share the folds and so
    their difficulty. Other objectives than accuracy_pct do not vary over folds and stay.

    Args:
        candidates: with `fold_accuracy_pct`, lists of equal length, and the objectives' columns.
        objectives: names and directions.
        resamples: number of resamples.
        seed: of the draws.

    Returns:
        (n,) shares in [0, 1].
    """
    losses = to_losses(candidates, objectives)
    accuracy = np.stack(candidates["fold_accuracy_pct"].to_list()).astype(np.float64)
    varying = [position for position, objective in enumerate(objectives) if objective.name == "accuracy_pct"]
    signs = [-1.0 if objectives[position].direction == "max" else 1.0 for position in varying]
    generator = np.random.default_rng(seed)
    folds = accuracy.shape[1]
    hits = np.zeros(len(candidates))
    for _ in range(resamples):
        drawn = accuracy[:, generator.integers(folds, size=folds)].mean(1)
        losses[:, varying] = drawn[:, None] * signs
        hits += front_mask(losses)
    return hits / resamples
