"""One answer from a front."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workflow_lib.pareto.dominance import front_mask, to_losses
from workflow_lib.pareto.front_config import Objective


def recommend(candidates: pd.DataFrame, objectives: Sequence[Objective]) -> int:
    """Pick the cheapest front member that is about as accurate as the most accurate one.

    "About as accurate" is within one standard error of the most accurate member's mean over folds; "cheapest" is the
    smallest geometric mean of the other objectives, each relative to its smallest value on the front. Without
    accuracy_pct among the objectives all front members are compared by cost alone.

    Args:
        candidates: with the objectives' columns, `accuracy_fold_std_pct` and `folds`; no baselines.
        objectives: names and directions.

    Returns:
        Position of the pick among the rows.

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
