"""Train the shared weights of a supernet, and evaluate networks with them."""

import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from workflow_lib.spaces.space import Space
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.compute import Compute
from workflow_lib.training.feed import HostFeed, to_images
from workflow_lib.training.loop import batch_sizes, check_chip_count, predict
from workflow_lib.training.metrics import Labels, cross_entropy
from workflow_lib.training.training_config import TrainingConfig

Paths = Callable[[np.random.Generator], Sequence[str]]
"""Function of a random generator that returns the ids of the networks to train in a step."""

_NORM_BATCHES = 8


def uniform_path(space: Space) -> Paths:
    """Choose one random network per step (Guo et al. 2020, uniform single path)."""
    return lambda generator: [space.draw(generator)]


def fair_paths(space: Space) -> Paths:
    """Choose, per step, the fewest random networks with all values of each choice equally often (strict fairness).

    If all choices have m values, these are m networks. Choices with 2 and 3 values need 6 networks.

    Source: Chu et al. 2021 (FairNAS), algorithm 1.
    """
    count = networks_per_fair_step(space)

    def draw(generator: np.random.Generator) -> list[str]:
        columns = {}
        for name, values in space.choices.items():
            repeated = [value for value in values for _ in range(count // len(values))]
            columns[name] = [repeated[number] for number in generator.permutation(count)]
        return [space.build({name: columns[name][path] for name in columns}) for path in range(count)]

    return draw


def networks_per_fair_step(space: Space) -> int:
    """Number of networks that a step of `fair_paths` trains."""
    return math.lcm(*map(len, space.choices.values()))


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

    learning_rate: float = Field(description="Adam's learning rate")
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
        """Settings of the training: learning rate, device and precision."""
        return TrainingConfig.model_validate(
            {name: getattr(self, name) for name in ("learning_rate", "device", "precision")}
        )

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
    """Trains shared weights in place with Adam, one epoch at a time.

    In each step, the gradients of the step's networks are summed before the weights are updated once.

    Args:
        supernet: the weights; moved to the compute device.
        task: training data.
        training: settings of the training: learning rate, device and precision.

    Attributes:
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
        # Not fused, because fused Adam would misread channels-last gradients as contiguous ones (training/adam.py).
        self._optimizer = torch.optim.Adam(supernet.parameters(), lr=training.learning_rate, foreach=True)
        self._generator = np.random.default_rng(derive_seed(task.seed, "train_supernet"))
        self._feed = HostFeed(task.view, task.rows, task.labels)
        self.losses: list[float] = []
        self.network_steps = 0
        self.seconds = 0.0

    @property
    def steps_per_epoch(self) -> int:
        """Number of steps in an epoch."""
        return len(batch_sizes(len(self.task.rows), self.task.batch))

    def epoch(self, paths: Paths, label: str, steps: int | None = None) -> None:
        """Train for one epoch.

        Args:
            paths: chooses the networks of each step.
            label: text printed before the loss on standard error.
            steps: maximum number of steps; None: all.

        Raises:
            UserError: if the loss becomes infinite or NaN.
        """
        start = time.perf_counter()
        self.supernet.train()
        total, chips = torch.zeros((), device=self._compute.device), 0
        self._feed.begin(self._generator.permutation(len(self.task.rows)), {})
        for size in batch_sizes(len(self.task.rows), self.task.batch)[:steps]:
            total += self._step(paths(self._generator), size)
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

    def _step(self, networks: Sequence[str], size: int) -> Tensor:
        """Train networks on the next chips; returns their mean loss times the number of chips."""
        inputs, targets = (tensor.to(self._compute.device) for tensor in self._feed.next(size))
        total = torch.zeros((), device=self._compute.device)
        self._optimizer.zero_grad()
        for network in networks:
            with self._compute.autocast():
                loss = nn.functional.cross_entropy(self.supernet(inputs, network), targets)
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach() * size / len(networks)
        self._optimizer.step()
        self.network_steps += len(networks)
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


def train_supernet(
    trainer: SupernetTrainer, epochs: int, paths: Paths, prefix: str = "", checkpoint: Checkpoint | None = None
) -> None:
    """Train until a number of epochs is reached.

    Args:
        trainer: trainer of the supernet.
        epochs: total number of epochs.
        paths: chooses the networks of each step.
        prefix: start of each epoch's line on standard error.
        checkpoint: checkpoint from which a killed training resumes, with the same result.

    Raises:
        UserError: if the loss becomes infinite or NaN.
    """
    if checkpoint and (state := checkpoint.load(trainer.device)):
        trainer.load(state)
    while len(trainer.losses) < epochs:
        trainer.epoch(paths, f"{prefix}epoch {len(trainer.losses) + 1} of {epochs}")
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
