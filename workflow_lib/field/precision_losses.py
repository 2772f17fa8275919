"""Measure what lower precisions cost the front's networks in accuracy, and save in bytes and time."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from workflow_lib.core.candidate import Candidate
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import Dataset
from workflow_lib.field.converted_network import accuracy_pct, load_network, write_converted
from workflow_lib.field.field_config import PrecisionsConfig
from workflow_lib.latency.runtimes import OnnxRuntime
from workflow_lib.latency.stopwatch import ROUNDS, Stopwatch
from workflow_lib.training.fold_summary import standard_error


def measure_precisions(
    dataset: Dataset,
    front: pd.DataFrame,
    folds: pd.DataFrame,
    channel_sets: Mapping[str, Sequence[str]],
    weights: str,
    settings: PrecisionsConfig,
    seed: int,
) -> pd.DataFrame:
    """Write each member of the front in each precision, fold by fold, and measure all files.

    Args:
        dataset: the imported chips.
        front: rows of FRONT.
        folds: the table of assign_folds.
        channel_sets: name -> bands and indices.
        weights: path pattern of a fold's weights, with {candidate} for its folder and {fold}.
        settings: the precisions, and the number of training chips that calibrate int8.
        seed: base seed for choosing the calibration chips.

    Returns:
        Rows of PRECISIONS. Accuracies are computed with ONNX Runtime on each fold's validation chips. Latencies are
        measured on this machine, for the first fold's files, in rounds over all of them.
    """
    rows: list[dict[str, Any]] = []
    models: dict[str, Path] = {}
    with TemporaryDirectory() as scratch:
        for number, candidate in enumerate(front.to_dict("records"), start=1):
            name = str(candidate["candidate"])
            identity = Candidate.parse(name)
            print(f"measure_precisions: {number} of {len(front)}: {name}", file=sys.stderr, flush=True)
            channels = channel_sets[candidate["channels"]]
            accuracy: dict[str, list[float]] = {precision: [] for precision in ("fp32", *settings.formats)}
            for fold in range(int(candidate["folds"])):
                training, validation = (dataset.rows(folds, fold, role) for role in ("training", "validation"))
                view = dataset.view(channels, training)
                trained = Path(weights.format(candidate=identity.folder, fold=fold))
                network = load_network(dataset, len(channels), identity.architecture, trained)
                files = write_converted(
                    network, view, training, dataset.labels, list(accuracy), settings, derive_seed(seed, "int8", fold),
                    Path(scratch, name, str(fold)),
                )  # fmt: skip
                for precision, file in files.items():
                    accuracy[precision].append(accuracy_pct(file, view, validation, dataset.labels))
                if fold == 0:
                    models |= {f"{name}/{precision}": file for precision, file in files.items()}
            share = float(candidate["validation_share"])
            rows += [_row(name, precision, accuracy, share, settings) for precision in accuracy]
        return _measure(models).merge(pd.DataFrame(rows), on=["candidate", "precision"])


def _row(
    candidate: str, name: str, accuracy: Mapping[str, Sequence[float]], share: float, settings: PrecisionsConfig
) -> dict[str, Any]:
    accuracies, losses = np.array(accuracy[name]), np.array(accuracy["fp32"]) - np.array(accuracy[name])
    return {
        "candidate": candidate,
        "precision": name,
        "accuracy_pct": accuracies.mean(),
        "accuracy_error_pct": standard_error(accuracies, share),
        "loss_pct": losses.mean(),
        "loss_error_pct": standard_error(losses, share),
        "lossy": bool(losses.mean() > settings.max_loss_pct),
    }


def _measure(models: Mapping[str, Path]) -> pd.DataFrame:
    stopwatch = Stopwatch(OnnxRuntime(), next(iter(models.values())))
    for _ in range(ROUNDS):
        stopwatch.run_round({name: lambda file=file: file for name, file in models.items()}, lambda: None)  # type: ignore[misc]
    measured = stopwatch.measurements()
    measured[["candidate", "precision"]] = measured["model"].str.rsplit("/", n=1, expand=True)
    measured["memory_bytes"] = [models[name].stat().st_size for name in measured["model"]]
    return measured.drop(columns=["model", "runs"])
