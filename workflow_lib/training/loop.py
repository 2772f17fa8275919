"""Train networks, one or several concurrently, and predict with them."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from workflow_lib.core.errors import UserError
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import ChipView, Rows
from workflow_lib.training import augmentation
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.compute import Compute, enough_memory
from workflow_lib.training.epoch_choice import EpochChoice
from workflow_lib.training.feed import Chips, DeviceFeed, Feed, HostFeed, ResidentChips, to_images
from workflow_lib.training.jittered_indices import JitteredIndices
from workflow_lib.training.metrics import Labels
from workflow_lib.training.optimizers import make_optimizer
from workflow_lib.training.regularisation import Learner
from workflow_lib.training.replay import Replay
from workflow_lib.training.sampling import epoch_order
from workflow_lib.training.training_config import TrainingConfig
from workflow_lib.training.weight_average import WeightAverage

PREDICTION_BATCH = 64


@dataclass(frozen=True)
class Task:
    """One network to train.

    Args:
        build: function that builds the network; called once, after seeding.
        view: the chips.
        rows: (n,) rows of the view to train on.
        labels: (n,) class numbers of these rows.
        batch: batch size (chips); a last batch of one chip is skipped, because batch norm needs two.
        seed: seed of weights and shuffling.
        checkpoint: checkpoint from which a killed training resumes, with the same result; None: it restarts.
        set_aside: (m,) rows of the view that choose the epoch if `training.patience` is set, and their class numbers.
        last_epoch: epoch after which the training stops, whatever `training.epochs` is; None: none.
        indices: indices that are computed anew from randomly changed bands; None: they are changed like bands.
    """

    build: Callable[[], nn.Module]
    view: ChipView
    rows: Rows
    labels: Labels
    batch: int
    seed: int
    checkpoint: Checkpoint | None = None
    set_aside: tuple[Rows, Labels] | None = None
    last_epoch: int | None = None
    indices: JitteredIndices | None = None

    @property
    def trained_view(self) -> ChipView:
        """The chips with all bands that a training step needs."""
        return self.indices.view if self.indices else self.view


@dataclass(frozen=True)
class Training:
    """The result of a training: the network, its epoch, the chips on its device, each epoch's loss, and resource use.

    `kept_epoch` is the number of the epoch whose weights the network has, counted from 1.
    """

    network: nn.Module
    kept_epoch: int
    chips: Chips
    loss: list[float]
    seconds: float
    peak_memory_bytes: int
    compute: Compute


def train(task: Task, training: TrainingConfig) -> Training:
    """Train one network; see `train_together`."""
    (trained,) = train_together([task], training)
    return trained


def train_together(tasks: Sequence[Task], training: TrainingConfig) -> list[Training]:
    """Train freshly initialised networks concurrently by cross-entropy; each result is as if trained alone.

    On a GPU, the device holds the chips and each network has its own stream. Each step is recorded once and replayed,
    so that the host launches one graph per step and waits for the device once per epoch. On a CPU, the networks take
    steps in turn.

    Args:
        tasks: networks to train.
        training: settings of the training.

    Returns:
        Results in the order of the tasks; the wall time is divided equally among them.

    Raises:
        UserError: if there are fewer than two chips, the device does not exist, its memory is too small, or a loss
            becomes infinite or NaN.

    Source: CROSS (Li et al. 2023), section 3.2; differs from it in: optional schedule of the learning rate.
    """
    for task in tasks:
        check_chip_count(task.rows)
    with enough_memory(len(tasks)):
        return _train_together(tasks, training)


def _train_together(tasks: Sequence[Task], training: TrainingConfig) -> list[Training]:
    compute = Compute.choose(training)
    chip_store = ChipStore(compute)
    runs = [_Run(task, training, compute, chip_store) for task in tasks]
    while unfinished := [run for run in runs if not run.finished]:
        start = time.perf_counter()
        for _ in zip_longest(*(run.epoch() for run in unfinished)):
            pass
        losses = [run.end_epoch() for run in unfinished]
        seconds = (time.perf_counter() - start) / len(unfinished)
        # Resumed networks may be at different epochs.
        epochs = [len(run.losses) for run in unfinished]
        for loss, epoch in zip(losses, epochs, strict=True):
            if not np.isfinite(loss):
                what = f"the training loss is {loss} after epoch {epoch}"
                raise UserError(what, "config: training", "lower training.learning_rate")
        epoch_text, loss_text = ", ".join(map(str, sorted(set(epochs)))), " ".join(f"{loss:.4f}" for loss in losses)
        print(f"epoch {epoch_text} of {training.epochs}: loss {loss_text}", file=sys.stderr, flush=True)
        for run in unfinished:
            run.record(seconds)
    return [run.result() for run in runs]


def check_chip_count(rows: Rows) -> None:
    """Raise a UserError if there are too few chips to train on."""
    if len(rows) < 2:
        raise UserError(f"{len(rows)} training chips; at least 2 are needed", "config: folds")


def batch_sizes(chips: int, batch: int) -> list[int]:
    """Batch size of each step of an epoch; a last batch of one chip is skipped, because batch norm needs two.

    >>> batch_sizes(chips=9, batch=4)
    [4, 4]
    """
    return [size for first in range(0, chips, batch) if (size := min(batch, chips - first)) > 1]


class ChipStore:
    """The chips in the memory of the compute device; networks with the same channels share them.

    Args:
        compute: the compute device and its precision.
    """

    def __init__(self, compute: Compute) -> None:
        self._compute = compute
        self._resident: list[tuple[ChipView, ResidentChips]] = []

    def chips(self, view: ChipView) -> Chips:
        """Hold the chips of a view on the compute device; on a CPU the view itself is enough."""
        if self._compute.device.type == "cpu":
            return view
        for other, resident in self._resident:
            # Views with scaling cannot be shared, because it is fitted to the training chips of one fold.
            same = view.chips is other.chips and list(view.channels) == list(other.channels)
            if other is view or (same and view.scaling is other.scaling is None):
                return resident
        resident = ResidentChips(view, self._compute.device, self._compute.dtype)
        self._resident.append((view, resident))
        return resident


class _Run:
    """The training of one network."""

    def __init__(self, task: Task, training: TrainingConfig, compute: Compute, chip_store: ChipStore) -> None:
        self._task, self._training, self._compute = task, training, compute
        self._chips, trained_chips = chip_store.chips(task.view), chip_store.chips(task.trained_view)
        torch.manual_seed(derive_seed(task.seed, "weights"))
        self._shuffler = np.random.default_rng(derive_seed(task.seed, "shuffle"))
        self._replay = Replay(compute.device, task.batch)
        self.losses: list[float] = []
        self._seconds = 0.0
        with self._replay.stream():
            self._learner = Learner(task.build().to(compute.device), training, task.labels)
            trained = self._learner.trained.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]  # missing in its stubs
            self._optimizer = make_optimizer(trained, training)
            averaged, decay = self._learner.network, training.weight_average
            self._average = WeightAverage(averaged, decay) if decay else None
            self._feed: Feed = (
                DeviceFeed(trained_chips, task.rows, task.labels, training.cutout_px, task.indices)
                if isinstance(trained_chips, ResidentChips)
                else HostFeed(task.trained_view, task.rows, task.labels, training.cutout_px, task.indices)
            )
            self._total = torch.zeros((), device=compute.device)
            self._choice = (
                EpochChoice(task.set_aside[1], training.patience)
                if task.set_aside is not None and training.patience is not None
                else None
            )
            self._load(training.epochs)

    @property
    def finished(self) -> bool:
        """Whether the last epoch was the last one of the training."""
        last = min(self._training.epochs, self._task.last_epoch or self._training.epochs)
        return len(self.losses) >= last or (self._choice is not None and self._choice.finished)

    def epoch(self) -> Iterator[None]:
        """Run the steps of an epoch, yielding after each one without waiting for the device."""
        order = epoch_order(self._task.labels, self._training.sampling, self._shuffler)
        size_px, bands = self._task.view.chips.shape[1], len(self._task.view.channels)
        index_bands = len(self._task.trained_view.channels) - bands
        draws = augmentation.draw(self._training, self._shuffler, len(order), size_px, bands, index_bands)
        with self._replay.stream():
            self._learner.begin(self._shuffler, (len(self.losses) + 1) / self._training.epochs)
            self._optimizer.set_rate(self._training.rate(len(self.losses)))
            self._feed.begin(order, draws)
            self._total.zero_()
        for size in self._sizes():
            self._replay(self._step, size)
            yield

    def end_epoch(self) -> float:
        """Wait for the end of the epoch, and return the mean loss over its chips."""
        with self._replay.stream():
            self.losses.append(float(self._total) / sum(self._sizes()))
            if self._choice:
                self._judge(self._choice)
        return self.losses[-1]

    def _judge(self, choice: EpochChoice) -> None:
        """Judge the weights on the chips that were set aside."""
        assert self._task.set_aside
        network = self._learner.network
        with self._average.applied() if self._average else nullcontext():
            choice.judge(network, predict(network, self._chips, self._task.set_aside[0]))
        self._learner.trained.train()

    def _sizes(self) -> list[int]:
        return batch_sizes(len(self._task.rows), self._task.batch)

    def _step(self, size: int) -> None:
        trained = self._learner.trained
        trained.zero_grad(set_to_none=True)
        inputs, targets = self._feed.next(size)
        with self._compute.autocast():
            loss, minimised = self._learner.losses(inputs, targets)
        minimised.backward()  # type: ignore[no-untyped-call]
        if self._training.clip_norm is not None:
            nn.utils.clip_grad_norm_(trained.parameters(), self._training.clip_norm)
        self._optimizer.step()
        if self._average:
            self._average.update()
        self._total += loss.detach() * size

    def record(self, seconds: float) -> None:
        """Record the duration of the epoch, and save a checkpoint if one is due or another job continues from here."""
        self._seconds += seconds
        checkpoint, stops = self._task.checkpoint, self._task.last_epoch is not None
        if checkpoint and (checkpoint.due or (stops and self.finished)):
            with self._replay.stream():
                checkpoint.save(self._state())

    def result(self) -> Training:
        """Finish the training and return its result."""
        network = self._learner.release()
        with self._replay.stream():
            if self._choice:
                self._choice.restore(network)
            elif self._average:
                self._average.apply()
        return Training(
            network,
            self._choice.kept_epoch if self._choice else len(self.losses),
            self._chips,
            self.losses,
            self._seconds,
            self._compute.memory_bytes(),
            self._compute,
        )

    def _state(self) -> dict[str, Any]:
        """The state that the next epoch depends on, and the losses and time so far."""
        return {
            "learner": self._learner.trained.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": self._average.state_dict() if self._average else None,
            "choice": self._choice.state_dict() if self._choice else None,
            "shuffler": self._shuffler.bit_generator.state,
            "losses": self.losses,
            "seconds": self._seconds,
            "precision": self._compute.precision,
        }

    def _load(self, epochs: int) -> None:
        """Resume from the checkpoint of an earlier job, if it has the same precision and is not past the last epoch."""
        state = self._task.checkpoint.load(self._compute.device) if self._task.checkpoint else None
        last = self._task.last_epoch or epochs
        if state and state["precision"] == self._compute.precision and len(state["losses"]) <= last:
            self._learner.trained.load_state_dict(state["learner"])
            self._optimizer.load_state_dict(state["optimizer"])
            if self._average:
                self._average.load_state_dict(state["average"])
            if self._choice:
                self._choice.load_state_dict(state["choice"])
            self._shuffler.bit_generator.state = state["shuffler"]
            self.losses, self._seconds = state["losses"], state["seconds"]
            print(f"resuming after epoch {len(self.losses)} of {epochs}", file=sys.stderr, flush=True)


def predict(network: nn.Module, chips: Chips, rows: Rows) -> NDArray[np.float32]:
    """Predict class probabilities of chips, in float32 whatever the precision of the training.

    Args:
        network: trained network, on its device.
        chips: the chips; a GPU that trains in bf16 holds them rounded to bf16.
        rows: (n,) rows of the chips.

    Returns:
        (n, classes) class probabilities.

    Raises:
        UserError: if a logit is not finite. The losses may all be finite, because that of the last step is computed
            before its update. If that update overflowed, every prediction would be the first class.
    """
    device = next(network.parameters()).device
    network.eval()
    parts = []
    with torch.inference_mode():
        for first in range(0, len(rows), PREDICTION_BATCH):
            images = to_images(chips.batch(rows[first : first + PREDICTION_BATCH])).to(device, torch.float32)
            logits = network(images).float()
            if not torch.isfinite(logits).all():
                raise UserError(
                    "the network's logits are not finite after the last step",
                    "config: training",
                    "lower training.learning_rate",
                )
            parts.append(torch.softmax(logits, 1).cpu().numpy())
    return np.concatenate(parts)
