"""Scores of the chosen candidates on held-out chips, which no choice has used."""

import sys
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workflow_lib.core.errors import UserError
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import Dataset
from workflow_lib.training.fold import Fold, train_and_score
from workflow_lib.training.training_config import TrainingConfig


def score_holdout(
    dataset: Dataset,
    chosen: pd.DataFrame,
    folds: pd.DataFrame,
    channel_sets: Mapping[str, Sequence[str]],
    trainings: Mapping[str, TrainingConfig],
    seed: int,
) -> pd.DataFrame:
    """Retrain each chosen candidate on all chips outside the hold-out and its buffer, and score it on the hold-out.

    The training ends after the median of the epochs that the folds kept, so that early stopping needs no chips here.

    Args:
        dataset: the imported chips.
        chosen: chosen candidates, with columns candidate, KEYS and kept_epoch.
        folds: the table of assign_folds.
        channel_sets: name -> bands and indices.
        trainings: recipe -> settings of the training.
        seed: base seed of the run.

    Returns:
        Rows of HOLDOUT_SCORES.

    Raises:
        UserError: if no chip is held out.
    """
    roles = folds[folds["fold"] == 0]
    held_out = roles.loc[roles["role"] == "holdout", "chip"].to_numpy()
    if not len(held_out):
        raise UserError("no chip is held out", "config: folds.holdout.method", "choose share, region or spatial_block")
    # Chips that are buffer in some folds only may train here; those near the hold-out are buffer in every fold.
    usable = np.unique(folds.loc[folds["role"].isin(["training", "set_aside", "validation"]), "chip"].to_numpy())
    rows = []
    for number, candidate in enumerate(chosen.to_dict("records"), start=1):
        print(f"score_holdout: {number} of {len(chosen)}: {candidate['candidate']}", file=sys.stderr, flush=True)
        (outcome,) = train_and_score(
            dataset,
            channel_sets[candidate["channels"]],
            candidate["architecture"],
            int(candidate["batch"]),
            trainings[candidate["recipe"]],
            [
                Fold(
                    usable,
                    held_out,
                    derive_seed(seed, "score_holdout", candidate["candidate"]),
                    last_epoch=int(candidate["kept_epoch"]),
                )
            ],
        )
        rows.append({"candidate": candidate["candidate"]} | outcome.scores)
    return pd.DataFrame(rows)
