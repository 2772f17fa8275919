"""Train and score one candidate on some folds, and record the results."""

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import Dataset, Rows
from workflow_lib.models.counting import count_multiply_adds
from workflow_lib.models.modules import to_module
from workflow_lib.spaces.networks import parse
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.compute import Compute, use_one_thread
from workflow_lib.training.jittered_indices import JitteredIndices
from workflow_lib.training.loop import Task, Training, predict, train_together
from workflow_lib.training.metrics import predictions, score
from workflow_lib.training.training_config import TRAINING_PASSES, TrainingConfig


@dataclass(frozen=True)
class Fold:
    """The chips that a network is trained and scored on.

    Args:
        training: (n,) rows of the dataset to train on.
        validation: (m,) rows of the dataset to score on, disjoint from `training`.
        seed: seed of weights and shuffling.
        checkpoint: checkpoint from which a killed training resumes.
        set_aside: (k,) rows of the dataset that choose the epoch, disjoint from both; empty: none do.
        last_epoch: epoch after which the training stops; None: that of the settings.
    """

    training: Rows
    validation: Rows
    seed: int
    checkpoint: Checkpoint | None = None
    set_aside: Rows = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    last_epoch: int | None = None


@dataclass(frozen=True)
class Outcome:
    """The result of training and scoring one candidate on one fold.

    Attributes:
        scores: the columns of FOLD_SCORES except its key.
        predictions: the columns of PREDICTIONS except its key.
        network: the trained network.
    """

    scores: dict[str, Any]
    predictions: dict[str, Any]
    network: nn.Module


def train_and_score(
    dataset: Dataset,
    channels: Sequence[str],
    architecture: str,
    batch: int,
    training: TrainingConfig,
    folds: Sequence[Fold],
) -> list[Outcome]:
    """Train a freshly initialised network on each fold, concurrently, and score each on its validation chips.

    A trained model is only scored.

    Args:
        dataset: the imported chips.
        channels: bands and indices that the network receives, in order.
        architecture: id of the network.
        batch: training batch size (chips).
        training: settings of the training.
        folds: at least one fold; the scores of a fold do not depend on the other folds.

    Returns:
        The outcome of each fold, in order.
    """
    if not parse(architecture).space.is_trained:
        return score_model(dataset, channels, architecture, folds)
    threads, size_px = use_one_thread(), dataset.pixels.shape[1]
    images = (len(channels), len(dataset.classes), size_px)
    jittered = training.gain_jitter or training.offset_jitter
    views = [dataset.view(channels, fold.training) for fold in folds]
    tasks = [
        Task(
            lambda: to_module(architecture, *images),
            view,
            fold.training,
            dataset.labels[fold.training],
            batch,
            derive_seed(fold.seed, "train"),
            fold.checkpoint,
            (fold.set_aside, dataset.labels[fold.set_aside]) if len(fold.set_aside) else None,
            fold.last_epoch,
            JitteredIndices.find(dataset, channels, fold.training, view) if jittered else None,
        )
        for fold, view in zip(folds, views, strict=True)
    ]
    chip_flops = 2 * TRAINING_PASSES * _multiply_adds(architecture, *images)
    return [
        _score(dataset, trained, fold, chip_flops, threads)
        for trained, fold in zip(train_together(tasks, training), folds, strict=True)
    ]


def score_model(dataset: Dataset, channels: Sequence[str], architecture: str, folds: Sequence[Fold]) -> list[Outcome]:
    """Score a trained model on the validation chips of each fold; see `train_and_score`."""
    threads, size_px = use_one_thread(), dataset.pixels.shape[1]
    network = to_module(architecture, len(channels), len(dataset.classes), size_px).eval()
    compute = Compute.choose(TrainingConfig(device="cpu"))
    outcomes = []
    for fold in folds:
        view = dataset.view(channels, fold.training)
        if parse(architecture).choices.settings.chips == "raw":
            view = replace(view, scaling=None)
        trained = Training(network, 0, view, [], 0.0, compute.memory_bytes(), compute)
        outcomes.append(_score(dataset, trained, replace(fold, training=fold.training[:0]), 0, threads))
    return outcomes


def _score(dataset: Dataset, trained: Training, fold: Fold, chip_flops: int, threads: int) -> Outcome:
    probabilities = predict(trained.network, trained.chips, fold.validation)
    row = score(dataset.labels[fold.validation], probabilities, dataset.regions[fold.validation])
    flops = chip_flops * len(fold.training) * len(trained.loss)
    print(f"accuracy {row['accuracy_pct']:.2f} % on {len(fold.validation)} chips", file=sys.stderr, flush=True)
    scores = row | {
        "loss": trained.loss,
        "kept_epoch": trained.kept_epoch,
        "training_chips": len(fold.training),
        "validation_chips": len(fold.validation),
        "training_s": trained.seconds,
        "utilization_pct": 100 * flops / trained.seconds / trained.compute.peak_flops_per_s() if flops else 0.0,
        "peak_memory_bytes": trained.peak_memory_bytes,
        "compute_device": trained.compute.name,
        "compute_precision": trained.compute.precision,
        "threads": threads,
        "versions": f"Python {platform.python_version()}, torch {torch.__version__}, NumPy {np.__version__}",
    }
    return Outcome(scores, predictions(fold.validation, probabilities), trained.network)


def _multiply_adds(architecture: str, channels: int, classes: int, size_px: int) -> int:
    """Count multiply-adds for one chip; a network whose space cannot count them exactly is built and measured."""
    network = parse(architecture)
    if network.space.counts_exactly:
        return network.costs(channels, classes, size_px).multiply_adds
    return count_multiply_adds(to_module(architecture, channels, classes), channels, size_px)
