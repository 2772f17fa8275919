"""Scores of the chosen candidates on held-out chips, which no choice has used."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from workflow_lib.core.candidate import TRAINED, Candidate
from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.core.errors import UserError
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import Dataset
from workflow_lib.export.onnx_files import export_deployed
from workflow_lib.field.converted_network import accuracy_pct, score_converted
from workflow_lib.field.standalone import write_scored_network
from workflow_lib.training.fold import Fold, train_and_score
from workflow_lib.training.training_config import TrainingConfig


def score_holdout(
    dataset: Dataset,
    chosen: pd.DataFrame,
    folds: pd.DataFrame,
    channel_sets: Mapping[str, Sequence[str]],
    trainings: Mapping[str, TrainingConfig],
    conversion: ConversionConfig,
    seed: int,
    standalone: Path,
) -> pd.DataFrame:
    """Retrain each chosen candidate on all chips outside the hold-out and its buffer, and score it on the hold-out.

    The training ends after the median of the epochs that the folds kept, so that early stopping needs no chips here.
    Candidates that differ only in their precision share a training.

    Args:
        dataset: the imported chips.
        chosen: chosen candidates, with columns candidate, KEYS, kept_epoch and recommended.
        folds: the table of assign_folds.
        channel_sets: name -> bands and indices.
        trainings: recipe -> settings of the training.
        conversion: how networks are converted to int8.
        seed: base seed of the run.
        standalone: file for the network of the recommended candidate that was scored; see
            `standalone.write_scored_network`.

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
    scores: dict[str, dict[str, Any]] = {}
    names = chosen["candidate"].map(lambda name: str(Candidate.parse(name).as_trained))
    for training, members in chosen.groupby(names, sort=False):
        print(f"score_holdout: {len(scores)} of {len(chosen)} scored; {training}", file=sys.stderr, flush=True)
        trained, kept_epoch = Candidate.parse(str(training)), int(members["kept_epoch"].iloc[0])
        channels = channel_sets[trained.channels]
        fold = Fold(usable, held_out, derive_seed(seed, "score_holdout", str(training)), last_epoch=kept_epoch)
        settings = trainings[trained.recipe]
        (outcome,) = train_and_score(dataset, channels, trained.architecture, trained.batch, settings, [fold])
        recommended = set(members.loc[members["recommended"].astype(bool), "candidate"])
        for candidate in map(Candidate.parse, members["candidate"]):
            with TemporaryDirectory() as scratch:
                file = Path(scratch, "model.onnx")
                scored = dict(outcome.scores)
                if candidate.precision != TRAINED:
                    converted = score_converted(
                        dataset, channels, outcome.network.cpu(), candidate.precision, usable, held_out, conversion,
                        derive_seed(seed, "score_holdout", "int8"), file,
                    )  # fmt: skip
                    scored |= {name: converted[name] for name in converted.keys() & scored.keys()}
                elif str(candidate) in recommended:
                    export_deployed(outcome.network.cpu(), len(channels), dataset.pixels.shape[1], file)
                if str(candidate) in recommended:
                    view = dataset.view(channels, usable)
                    told = _told(candidate, accuracy_pct(file, view, held_out, dataset.labels))
                    write_scored_network(file, dataset, view, channels, told, standalone)
            scores[str(candidate)] = scored
    return pd.DataFrame({"candidate": name} | scores[name] for name in chosen["candidate"])


def _told(candidate: Candidate, accuracy_pct: float) -> dict[str, Any]:
    return {
        "candidate": str(candidate),
        "architecture": candidate.architecture,
        "precision": candidate.precision,
        "holdout_accuracy_pct": accuracy_pct,  # of this file: the score may come from a GPU
    }
