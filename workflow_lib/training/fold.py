"""One candidate on one fold: train, validate, and write down everything about it."""

import platform
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from workflow_lib.core.config import TrainingConfig
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import Dataset, Rows
from workflow_lib.models.cross import to_module
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.compute import use_one_thread
from workflow_lib.training.loop import predict, train
from workflow_lib.training.metrics import score


def train_and_score(
    dataset: Dataset,
    channels: Sequence[str],
    architecture: str,
    batch: int,
    training: TrainingConfig,
    training_rows: Rows,
    validation_rows: Rows,
    seed: int,
    checkpoint: Checkpoint | None = None,
) -> tuple[dict[str, Any], nn.Module]:
    """Train fresh weights on some chips and score them on others.

    Args:
        dataset: the imported chips.
        channels: what the network sees, in order.
        architecture: its id.
        batch: training batch size.
        training: epochs, learning rate, device, precision.
        training_rows, validation_rows: rows of the dataset, without overlap.
        seed: of weights and shuffling.
        checkpoint: where a killed training goes on.

    Returns:
        The columns of FOLD_SCORES except its key, and the trained network.
    """
    threads = use_one_thread()
    view = dataset.view(channels, training_rows)
    labels = dataset.labels
    trained = train(
        lambda: to_module(architecture, len(channels), len(dataset.classes)),
        view, training_rows, labels[training_rows], batch, training, derive_seed(seed, "train"),
        checkpoint,
    )  # fmt: skip
    probabilities = predict(trained.network, view, validation_rows)
    row = score(labels[validation_rows], probabilities, dataset.regions[validation_rows]) | {
        "loss": trained.loss,
        "training_chips": len(training_rows),
        "validation_chips": len(validation_rows),
        "training_s": trained.seconds,
        "peak_memory_bytes": trained.peak_memory_bytes,
        "compute_device": trained.compute.name,
        "precision": trained.compute.precision,
        "threads": threads,
        "versions": f"Python {platform.python_version()}, torch {torch.__version__}, NumPy {np.__version__}",
    }
    print(f"accuracy {row['accuracy_pct']:.2f} % on {len(validation_rows)} chips", file=sys.stderr, flush=True)
    return row, trained.network
