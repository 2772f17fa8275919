"""Recommend one candidate of a front."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workflow_lib.pareto.dominance import front_mask, to_losses
from workflow_lib.pareto.front_config import Objective


def recommend(candidates: pd.DataFrame, objectives: Sequence[Objective]) -> int:
    """Pick the cheapest front member whose accuracy is within one standard error of the highest.

    The standard error is that of the most accurate member's mean over folds. The cheapest member has the smallest
    geometric mean of the other objectives, each divided by its smallest value on the front. If accuracy_pct is not an
    objective, all front members are compared by cost alone.

    Args:
        candidates: the objectives' columns, `accuracy_fold_std_pct` and `folds`; no baselines.
        objectives: names and directions of the objectives.

    Returns:
        Row position of the recommended candidate.

    Source: the one-standard-error rule, Breiman et al. 1984, section 3.4.3.
    """
    front = np.flatnonzero(front_mask(to_losses(candidates, objectives)))
    members = candidates.iloc[front]
    close = np.ones(len(front), dtype=bool)
    if any(objective.name == "accuracy_pct" for objective in objectives):
        best = members.iloc[int(members["accuracy_pct"].to_numpy().argmax())]
        error = np.nan_to_num(best["accuracy_fold_std_pct"]) / np.sqrt(best["folds"])  # one fold has no spread
        close = members["accuracy_pct"].to_numpy() >= best["accuracy_pct"] - error
    costs = np.zeros(len(front))
    for objective in objectives:
        if objective.name != "accuracy_pct":
            values = np.maximum(members[objective.name].to_numpy(dtype=np.float64), np.finfo(np.float64).tiny)
            costs += np.log(values / values.min()) * (1 if objective.direction == "min" else -1)
    return int(front[np.lexsort((-members["accuracy_pct"].to_numpy(), costs, ~close))[0]])
