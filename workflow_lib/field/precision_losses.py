"""Measure what lower precisions cost the front's networks in accuracy, and save in bytes and time."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from workflow_lib.core.candidate import Candidate
from workflow_lib.core.errors import UserError
from workflow_lib.core.sealed import DamagedFileError
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import ChipView, Dataset, Rows
from workflow_lib.export.precision_files import calibration_chips, write_precisions
from workflow_lib.field.field_config import PrecisionsConfig
from workflow_lib.latency.host import ROUNDS, Host, Stopwatch
from workflow_lib.models.modules import to_module
from workflow_lib.training.checkpoint import load_tensors
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
                network = _load(dataset, len(channels), identity.architecture, trained)
                chips = calibration_chips(view, training, settings.calibration_chips, derive_seed(seed, "int8", fold))
                files = write_precisions(network, chips, list(accuracy), Path(scratch, name, str(fold)))
                for precision, file in files.items():
                    accuracy[precision].append(accuracy_pct(file, view, validation, dataset.labels))
                if fold == 0:
                    models |= {f"{name}/{precision}": file for precision, file in files.items()}
            share = float(candidate["validation_share"])
            rows += [_row(name, precision, accuracy, share, settings) for precision in accuracy]
        return _measure(models).merge(pd.DataFrame(rows), on=["candidate", "precision"])


def _load(dataset: Dataset, channels: int, architecture: str, weights: Path) -> nn.Module:
    network = to_module(architecture, channels, len(dataset.classes))
    try:
        network.load_state_dict(load_tensors(weights))
    except FileNotFoundError:
        raise UserError("no such file", weights, "train again with keep_weights: true") from None
    except RuntimeError as error:
        raise DamagedFileError(weights, f"does not hold weights of {architecture} ({error})") from None
    return network


def accuracy_pct(model: Path, view: ChipView, rows: Rows, labels: Rows) -> float:
    """Measure the share of chips that an ONNX file classifies correctly (percent), one chip at a time.

    Args:
        model: the ONNX file.
        view: the chips, normalised, with the model's channels.
        rows: (n,) row numbers of the chips to classify.
        labels: (chips,) class numbers of all chips.

    Raises:
        UserError: if a logit is not finite.
    """
    session = Host().open(model)
    name = session.get_inputs()[0].name
    hits = 0
    for row in rows:
        chip = np.ascontiguousarray(np.moveaxis(view.batch(np.array([row])), -1, 1))
        logits = session.run(None, {name: chip})[0]
        if not np.isfinite(logits).all():
            raise UserError("its logits are not finite", model.name, "remove this precision from precisions.formats")
        hits += int(logits.argmax()) == labels[row]
    return 100 * hits / len(rows)


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
    stopwatch = Stopwatch(Host(), next(iter(models.values())))
    for _ in range(ROUNDS):
        stopwatch.run_round({name: lambda file=file: file for name, file in models.items()}, lambda: None)  # type: ignore[misc]
    measured = stopwatch.measurements()
    measured[["candidate", "precision"]] = measured["model"].str.rsplit("/", n=1, expand=True)
    measured["memory_bytes"] = [models[name].stat().st_size for name in measured["model"]]
    return measured.drop(columns=["model", "runs"])
