"""Train one network and predict with it."""

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from workflow_lib.core.config import TrainingConfig
from workflow_lib.core.errors import UserError
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import ChipView, Rows
from workflow_lib.training.adam import Adam
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.compute import Compute
from workflow_lib.training.metrics import Labels

PREDICTION_BATCH = 64


@dataclass(frozen=True)
class Training:
    """What a training leaves: the network (on its device), the loss of each epoch, and what it cost."""

    network: nn.Module
    loss: list[float]
    seconds: float
    peak_memory_bytes: int
    compute: Compute


def train(
    build: Callable[[], nn.Module],
    view: ChipView,
    rows: Rows,
    labels: Labels,
    batch: int,
    training: TrainingConfig,
    seed: int,
    checkpoint: Checkpoint | None = None,
) -> Training:
    """Train fresh weights with Adam and cross-entropy, and no schedule.

    Args:
        build: makes the network; called once, after seeding.
        view: the chips.
        rows: (n,) rows of the view to train on.
        labels: (n,) their class numbers.
        batch: chips per step; a last batch of one chip is left out of its epoch (batch norm needs two).
        training: epochs, learning rate, device and precision.
        seed: of weights and shuffling.
        checkpoint: where a killed training goes on, with the same result; without it, from the beginning.

    Raises:
        UserError: if there are fewer than two chips, the device is absent, or the loss stops being finite.

    Source: CROSS (Li et al. 2023), section 3.2.
    """
    if len(rows) < 2:
        raise UserError(f"{len(rows)} training chips; at least 2 are needed", "config: folds")
    compute = Compute.choose(training)
    torch.manual_seed(derive_seed(seed, "weights"))
    shuffler = np.random.default_rng(derive_seed(seed, "shuffle"))
    network = build().to(compute.device)
    network = network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]  # missing in its stubs
    optimizer = Adam(network, training.learning_rate)
    targets = torch.from_numpy(labels).to(compute.device)
    losses: list[float] = []
    seconds = 0.0
    state = checkpoint.load(compute.device) if checkpoint else None
    if state and state["precision"] == compute.precision:
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        shuffler.bit_generator.state = state["shuffler"]
        losses, seconds = state["losses"], state["seconds"]
        print(f"going on after epoch {len(losses)} of {training.epochs}", file=sys.stderr, flush=True)
    for epoch in range(len(losses) + 1, training.epochs + 1):
        start = time.perf_counter()
        order = shuffler.permutation(len(rows))
        batches = (order[first : first + batch] for first in range(0, len(order), batch))
        steps = ((view.batch(rows[chosen]), targets[chosen]) for chosen in batches if len(chosen) > 1)
        losses.append(_train_epoch(network, optimizer, steps, compute))
        if not np.isfinite(losses[-1]):
            raise UserError(
                f"the training loss is {losses[-1]} after epoch {epoch}",
                "config: training",
                "lower training.learning_rate",
            )
        seconds += time.perf_counter() - start
        print(f"epoch {epoch} of {training.epochs}: loss {losses[-1]:.4f}", file=sys.stderr, flush=True)
        if checkpoint and checkpoint.due:
            checkpoint.save(_state(network, optimizer, shuffler, losses, seconds) | {"precision": compute.precision})
    return Training(network, losses, seconds, compute.memory_bytes(), compute)


def _state(
    network: nn.Module,
    optimizer: Adam,
    shuffler: np.random.Generator,
    losses: list[float],
    seconds: float,
) -> dict[str, Any]:
    """All that the next epoch depends on, and what is reported of the past ones."""
    return {
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "shuffler": shuffler.bit_generator.state,
        "losses": losses,
        "seconds": seconds,
    }


def _train_epoch(
    network: nn.Module,
    optimizer: Adam,
    steps: Iterable[tuple[NDArray[np.float32], torch.Tensor]],
    compute: Compute,
) -> float:
    """Take one step per batch; the mean loss over chips, read from the device only once."""
    criterion = nn.CrossEntropyLoss()
    total = torch.zeros((), device=compute.device)
    seen = 0
    for pixels, targets in steps:
        network.zero_grad(set_to_none=True)
        with compute.autocast():
            loss = criterion(network(to_input(pixels, compute.device)), targets)
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(targets)
        seen += len(targets)
    return float(total) / seen


def predict(network: nn.Module, view: ChipView, rows: Rows) -> NDArray[np.float32]:
    """Class probabilities of chips: (len(rows), classes), in float32 whatever the training's precision."""
    device = next(network.parameters()).device
    network.eval()
    parts = []
    with torch.inference_mode():
        for first in range(0, len(rows), PREDICTION_BATCH):
            logits = network(to_input(view.batch(rows[first : first + PREDICTION_BATCH]), device))
            parts.append(torch.softmax(logits.float(), 1).cpu().numpy())
    return np.concatenate(parts)


def to_input(pixels: NDArray[np.float32], device: torch.device) -> torch.Tensor:
    """View (n, height, width, channels) pixels as an (n, channels, height, width) tensor in channels-last memory."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).to(device)
