"""Train one network and predict with it."""

import resource
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from workflow_lib.core.config import TrainingConfig
from workflow_lib.core.errors import UserError
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import ChipView, Rows
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.gpus import claim
from workflow_lib.training.metrics import Labels

PREDICTION_BATCH = 64


@dataclass(frozen=True)
class Training:
    """What a training leaves: the network (on its device), the loss of each epoch, and what it cost."""

    network: nn.Module
    loss: list[float]
    seconds: float
    peak_memory_bytes: int
    compute_device: str


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
    device = choose_device(training)
    torch.manual_seed(derive_seed(seed, "weights"))
    shuffler = np.random.default_rng(derive_seed(seed, "shuffle"))
    network = build().to(device)
    network = network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]  # missing in its stubs
    optimizer = torch.optim.Adam(network.parameters(), lr=training.learning_rate)
    losses: list[float] = []
    seconds = 0.0
    if checkpoint and (state := checkpoint.load(device)):
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        shuffler.bit_generator.state = state["shuffler"]
        losses, seconds = state["losses"], state["seconds"]
        print(f"going on after epoch {len(losses)} of {training.epochs}", file=sys.stderr, flush=True)
    for epoch in range(len(losses) + 1, training.epochs + 1):
        start = time.perf_counter()
        order = shuffler.permutation(len(rows))
        batches = (order[first : first + batch] for first in range(0, len(order), batch))
        steps = ((view.batch(rows[chosen]), labels[chosen]) for chosen in batches if len(chosen) > 1)
        losses.append(_train_epoch(network, optimizer, steps, training, device))
        if not np.isfinite(losses[-1]):
            raise UserError(
                f"the training loss is {losses[-1]} after epoch {epoch}",
                "config: training",
                "lower training.learning_rate",
            )
        seconds += time.perf_counter() - start
        print(f"epoch {epoch} of {training.epochs}: loss {losses[-1]:.4f}", file=sys.stderr, flush=True)
        if checkpoint and checkpoint.due:
            checkpoint.save(_state(network, optimizer, shuffler, losses, seconds))
    return Training(network, losses, seconds, _peak_memory(device), _device_name(device))


def _state(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
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
    optimizer: torch.optim.Optimizer,
    steps: Iterable[tuple[NDArray[np.float32], Labels]],
    training: TrainingConfig,
    device: torch.device,
) -> float:
    """Take one step per batch; the mean loss over chips, read from the device only once."""
    criterion = nn.CrossEntropyLoss()
    total = torch.zeros((), device=device)
    seen = 0
    for pixels, classes in steps:
        targets = torch.from_numpy(classes).to(device)
        optimizer.zero_grad(set_to_none=True)
        with autocast(training, device):
            loss = criterion(network(to_input(pixels, device)), targets)
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(classes)
        seen += len(classes)
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


def choose_device(training: TrainingConfig) -> torch.device:
    """The device that the config asks for; of several GPUs, one that this job may use until it ends.

    Raises:
        UserError: if it asks for CUDA where there is none, or for bf16 on a CPU.
    """
    available = torch.cuda.is_available()
    if training.device == "cuda" and not available:
        raise UserError("no CUDA device here", "config: training.device", "use auto or cpu")
    device = torch.device("cuda" if available and training.device != "cpu" else "cpu")
    if training.precision == "bf16" and device.type != "cuda":
        raise UserError("bf16 needs CUDA, and this job runs on the CPU", "config: training.precision", "use float32")
    return device if device.type == "cpu" else _claim_gpu()


@cache
def _claim_gpu() -> torch.device:
    gpus = [str(torch.cuda.get_device_properties(place).uuid) for place in range(torch.cuda.device_count())]
    return torch.device("cuda", claim(gpus))


def autocast(training: TrainingConfig, device: torch.device) -> Any:
    """The context of a forward pass in the config's precision."""
    return torch.autocast(device.type, torch.bfloat16) if training.precision == "bf16" else nullcontext()


def use_one_thread() -> int:
    """Make results independent of the host's core count: one thread, deterministic algorithms; returns the threads."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)  # pooling has no deterministic backward pass on CUDA
    return torch.get_num_threads()


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
