"""Uncertainty of a front that is due to the noise of cross-validation."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.pareto.dominance import front_mask, to_losses
from workflow_lib.pareto.front_config import Objective


def front_frequency(
    candidates: pd.DataFrame, objectives: Sequence[Objective], resamples: int, seed: int
) -> NDArray[np.float64]:
    """Estimate how often each candidate is on the front: the shares of `resampled_fronts`, (n,), in [0, 1]."""
    shares: NDArray[np.float64] = resampled_fronts(candidates, objectives, resamples, seed).mean(0)
    return shares


def resampled_fronts(
    candidates: pd.DataFrame, objectives: Sequence[Objective], resamples: int, seed: int
) -> NDArray[np.bool_]:
    """Find the fronts of a bootstrap over the folds.

    A resample draws folds with replacement. All candidates get the same folds, because they share the difficulty of
    each fold. Objectives other than accuracy_pct do not vary over folds and are left unchanged.

    Args:
        candidates: (n rows) the objectives' columns and `fold_accuracy_pct`, whose lists have equal length.
        objectives: names and directions of the objectives.
        resamples: number of resamples.
        seed: seed of the resampling.

    Returns:
        (resamples, n) mask of the fronts.
    """
    losses = to_losses(candidates, objectives)
    accuracy = np.stack(candidates["fold_accuracy_pct"].to_list()).astype(np.float64)
    varying = [position for position, objective in enumerate(objectives) if objective.name == "accuracy_pct"]
    signs = [-1.0 if objectives[position].direction == "max" else 1.0 for position in varying]
    generator = np.random.default_rng(seed)
    folds = accuracy.shape[1]
    fronts = np.empty((resamples, len(candidates)), dtype=bool)
    for front in fronts:
        drawn = accuracy[:, generator.integers(folds, size=folds)].mean(1)
        losses[:, varying] = drawn[:, None] * signs
        front[:] = front_mask(losses)
    return fronts
