"""Train the shared weights of a supernet, and evaluate networks with them."""

import math
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from workflow_lib.core.errors import UserError
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import ChipView, Dataset, DatasetArguments, Rows
from workflow_lib.models.shared_weights import Supernet
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.compute import Compute
from workflow_lib.training.feed import HostFeed, to_images
from workflow_lib.training.loop import batch_sizes, check_chip_count, predict
from workflow_lib.training.metrics import Labels, cross_entropy
from workflow_lib.training.supernet_paths import Paths
from workflow_lib.training.training_config import TrainingConfig

_NORM_BATCHES = 8


@dataclass(frozen=True)
class SupernetTask:
    """The training data of a supernet.

    Args:
        view: the chips.
        rows, labels: (n,) rows of the view to train on, and their class numbers.
        batch: batch size (chips); a last batch of one chip is skipped.
        seed: seed of shuffling and paths.
    """

    view: ChipView
    rows: Rows
    labels: Labels
    batch: int
    seed: int


class SupernetArguments(DatasetArguments):
    """Arguments of stages that train or use a supernet: its chips and its training."""

    optimizer: str = Field(description="adam or sgd")
    learning_rate: float = Field(description="learning rate of the optimizer")
    momentum: float = Field(description="momentum of sgd")
    schedule: str = Field(description="schedule of the learning rate in each step of the method: constant or cosine")
    device: str = Field(description="compute device: auto, cpu or cuda")
    precision: str = Field(description="precision of the training: float32, bf16 or auto")
    batch: int = Field(ge=2, description="training batch size (chips)")
    seed: int = Field(description="base seed of the run")
    channels: str = Field(description="name of the channel set")
    select: list[str] = Field(description="bands and indices of the channel set, in order")
    folds: Path = Field(description="folds.parquet of assign_folds; fold 0 is used")
    number: int = Field(ge=0, description="number of the supernet; each number is trained from another seed")

    @property
    def training(self) -> TrainingConfig:
        """Settings of the training: optimizer, its rate and schedule, device and precision."""
        names = ("optimizer", "learning_rate", "momentum", "schedule", "device", "precision")
        return TrainingConfig.model_validate({name: getattr(self, name) for name in names})

    def derived_seed(self, purpose: str, *ids: str | int) -> int:
        """Derive the seed of this supernet for a purpose."""
        return derive_seed(self.seed, purpose, self.channels, self.number, *ids)

    def task(self, dataset: Dataset, folds: pd.DataFrame, seed: int) -> SupernetTask:
        """Build the training data.

        Args:
            dataset, folds: the imported chips, and the table of assign_folds, of which fold 0 is used.
            seed: seed of shuffling and paths.
        """
        rows = dataset.rows(folds, 0, "training")
        return SupernetTask(dataset.view(self.select, rows), rows, dataset.labels[rows], self.batch, seed)

    def checkpoint(self, output: Path, *inputs: Path) -> Checkpoint:
        """Checkpoint of a job that writes `output` and also reads `inputs`."""
        values = self.model_dump(mode="json"), self.array.stat().st_mtime_ns
        return Checkpoint(output, [self.chips, self.folds, self.moments, *inputs], values)


class SupernetTrainer:
    """Trains shared weights in place, one epoch at a time.

    In each step, the gradients of the step's networks are summed before the weights are updated once.

    Args:
        supernet: the weights; moved to the compute device.
        task: training data.
        training: settings of the training: optimizer, its rate and schedule, device and precision.

    Attributes:
        learning_rate: learning rate of the current epoch.
        losses: mean loss of each epoch.
        network_steps: number of networks trained, summed over steps.
        seconds: wall time of the training.

    Raises:
        UserError: if there are fewer than two chips.
    """

    def __init__(self, supernet: Supernet, task: SupernetTask, training: TrainingConfig) -> None:
        check_chip_count(task.rows)
        self.supernet, self.task = supernet, task
        self._compute = Compute.choose(training)
        supernet.to(self._compute.device).train()
        self._training, self._optimizer = training, _make_optimizer(supernet, training)
        self._generator = np.random.default_rng(derive_seed(task.seed, "train_supernet"))
        self._feed = HostFeed(task.view, task.rows, task.labels)
        self.learning_rate = training.learning_rate
        self.losses: list[float] = []
        self.network_steps = 0
        self.seconds = 0.0

    @property
    def steps_per_epoch(self) -> int:
        """Number of steps in an epoch."""
        return len(batch_sizes(len(self.task.rows), self.task.batch))

    def epoch(
        self, paths: Paths, epochs: int, label: str, steps: int | None = None, teacher: str | None = None
    ) -> None:
        """Train for one epoch.

        Args:
            paths: chooses the networks of each step.
            epochs: number of epochs over which the schedule lowers the learning rate.
            label: text printed before the loss on standard error.
            steps: maximum number of steps; None: all.
            teacher: network whose probabilities those after it in a step learn instead of the classes; None: none.

        Raises:
            UserError: if the loss becomes infinite or NaN.
        """
        start = time.perf_counter()
        self.supernet.train()
        total, chips = torch.zeros((), device=self._compute.device), 0
        self.learning_rate = self._training.model_copy(update={"epochs": epochs}).rate(len(self.losses))
        for group in self._optimizer.param_groups:
            group["lr"] = self.learning_rate
        self._feed.begin(self._generator.permutation(len(self.task.rows)), {})
        sizes = batch_sizes(len(self.task.rows), self.task.batch)[:steps]
        for size, names in zip(sizes, paths(self._generator), strict=False):
            total += self._step(names, size, teacher)
            chips += size
        self.losses.append(float(total) / chips)
        self.seconds += time.perf_counter() - start
        if not math.isfinite(self.losses[-1]):
            raise UserError(
                f"the supernet's loss is {self.losses[-1]} after epoch {len(self.losses)}",
                "config: training",
                "lower learning_rate",
            )
        print(f"{label}: loss {self.losses[-1]:.4f}", file=sys.stderr, flush=True)

    def _step(self, names: Sequence[str], size: int, teacher: str | None) -> Tensor:
        """Train networks on the next chips; returns their mean loss times the number of chips."""
        inputs, targets = (tensor.to(self._compute.device) for tensor in self._feed.next(size))
        total = torch.zeros((), device=self._compute.device)
        self._optimizer.zero_grad()
        for name in names:
            with self._compute.autocast():
                logits = self.supernet(inputs, name)
                loss = nn.functional.cross_entropy(logits, targets)
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach() * size / len(names)
            if name == teacher:
                targets = logits.detach().float().softmax(1)
        self._optimizer.step()
        self.network_steps += len(names)
        return total

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self._compute.device

    def state(self) -> dict[str, Any]:
        """The state that the next epoch depends on, and the losses and time so far."""
        return {
            "supernet": self.supernet.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "generator": self._generator.bit_generator.state,
            "losses": self.losses,
            "network_steps": self.network_steps,
            "seconds": self.seconds,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Resume from a state that `state` returned."""
        self.supernet.load_state_dict(state["supernet"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._generator.bit_generator.state = state["generator"]
        self.losses, self.network_steps = state["losses"], state["network_steps"]
        self.seconds = state["seconds"]


def _make_optimizer(supernet: Supernet, training: TrainingConfig) -> torch.optim.Optimizer:
    # Not fused, because fused Adam would misread channels-last gradients as contiguous ones (training/adam.py).
    if training.optimizer == "adam":
        return torch.optim.Adam(supernet.parameters(), lr=training.learning_rate, foreach=True)
    return torch.optim.SGD(supernet.parameters(), lr=training.learning_rate, momentum=training.momentum, foreach=True)


def train_supernet(
    trainer: SupernetTrainer,
    epochs: int,
    paths: Paths,
    prefix: str = "",
    checkpoint: Checkpoint | None = None,
    teacher: str | None = None,
) -> None:
    """Train until a number of epochs is reached.

    Args:
        trainer: trainer of the supernet.
        epochs: total number of epochs.
        paths: chooses the networks of each step.
        prefix: start of each epoch's line on standard error.
        checkpoint: checkpoint from which a killed training resumes, with the same result.
        teacher: see `SupernetTrainer.epoch`.

    Raises:
        UserError: if the loss becomes infinite or NaN.
    """
    if checkpoint and (state := checkpoint.load(trainer.device)):
        trainer.load(state)
    while len(trainer.losses) < epochs:
        trainer.epoch(paths, epochs, f"{prefix}epoch {len(trainer.losses) + 1} of {epochs}", teacher=teacher)
        if checkpoint and checkpoint.due:
            checkpoint.save(trainer.state())


def evaluate_with_shared_weights(
    supernet: Supernet, networks: Iterable[str], task: SupernetTask, validation: Rows, labels: Labels
) -> list[tuple[float, float]]:
    """Evaluate networks with the shared weights, each with its own batch-norm statistics.

    The supernet's statistics mix those of all networks that share a norm, so they are recomputed for each network.

    Args:
        supernet, task: trained supernet, and its training data.
        networks: ids of the networks.
        validation, labels: (n,) rows to evaluate on, and their class numbers.

    Returns:
        Accuracy (%) and cross-entropy (nat) of each network.
    """
    scores = []
    for name in networks:
        network = extract_network(supernet, name, task)
        probabilities = predict(network, task.view, validation)
        accuracy = float((probabilities.argmax(1) == labels).mean())
        scores.append((100 * accuracy, cross_entropy(labels, probabilities)))
    return scores


def extract_network(supernet: Supernet, name: str, task: SupernetTask) -> nn.Module:
    """Extract one network, on the supernet's device, with its own batch-norm statistics.

    The statistics are computed on random training chips, the same for all networks; rows are ordered by class.

    Args:
        supernet, name, task: trained supernet, id of the network, and training data of the supernet.
    """
    network = supernet.extract(name).to(next(supernet.parameters()).device)
    rows = np.random.default_rng(derive_seed(task.seed, "norms")).permutation(task.rows)
    recompute_norms(network, task.view, rows[: _NORM_BATCHES * task.batch], task.batch)
    return network


def recompute_norms(network: nn.Module, view: ChipView, rows: Rows, batch: int) -> None:
    """Recompute the statistics of all batch norms as means over batches of chips.

    Args:
        network, view: the network, which is left in evaluation mode, and the chips.
        rows, batch: (n,) rows of the view to use, and batch size (chips); a batch of one chip is skipped.
    """
    batches = (to_images(view.batch(rows[first : first + batch])) for first in range(0, len(rows), batch))
    device = next(network.parameters()).device
    update_bn((images for images in batches if len(images) > 1), network.eval(), device)
