"""Compare three ways to train the folds of a candidate: separately, side by side, and as one wide network.

The wide network concatenates the folds' channels: it has grouped convolutions, ordinary batch norm, and one linear
layer per fold, and computes the same function. `side by side` is what the workflow's jobs do
(execution.folds_together).

Run: python benchmarks/folds_together.py [--device cuda] [--precision bf16] [--quick]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import ChipView
from workflow_lib.spaces.cross.cross_module import CrossNet, to_module
from workflow_lib.training.adam import Adam
from workflow_lib.training.compute import Compute, use_one_thread
from workflow_lib.training.feed import to_images
from workflow_lib.training.loop import Task, train, train_together
from workflow_lib.training.training_config import TrainingConfig

NETWORKS = {"small": "k3-s2-p1-pool3s2-w32", "median": "k3-s1-p1-pool3s2-w48", "large": "k5-s1-p3-nopool-w64"}
CHANNELS, FOLDS, SIZE_PX = 5, 5, 100


class LinearPerFold(nn.Module):
    """One linear layer per fold, from (n, folds * features) to (n, folds, classes)."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers]))

    def forward(self, x: Tensor) -> Tensor:
        """Classify.

        Args:
            x: (n, folds * features) features.
        """
        return torch.einsum("nfi,foi->nfo", x.view(len(x), len(self.weight), -1), self.weight) + self.bias


def widen(networks: Sequence[CrossNet]) -> nn.Module:
    """Merge networks of one architecture, from (n, folds * channels, height, width) to (n, folds, classes)."""
    wide = networks[0]
    count = len(networks)
    for name, layer in [*wide.named_modules()]:
        parts = [network.get_submodule(name) for network in networks]
        if isinstance(layer, nn.Conv2d):
            new: nn.Module = nn.Conv2d(
                layer.in_channels * count, layer.out_channels * count, layer.kernel_size, layer.stride, layer.padding,
                groups=count, bias=False,
            )  # fmt: skip
            new.weight = nn.Parameter(torch.cat([part.weight.detach() for part in parts]))
        elif isinstance(layer, nn.BatchNorm2d):
            new = nn.BatchNorm2d(layer.num_features * count)
        elif isinstance(layer, nn.Linear):
            new = LinearPerFold(parts)
        else:
            continue
        parent, _, last = name.rpartition(".")
        setattr(wide.get_submodule(parent), last, new)
    return wide


def make_tasks(architecture: str, batch: int, chips: int) -> list[Task]:
    """Make the tasks of five folds, on chips of random noise.

    Args:
        architecture: architecture id.
        batch: batch size.
        chips: number of chips.
    """
    pixels = np.random.default_rng(0).normal(size=(chips, SIZE_PX, SIZE_PX, CHANNELS)).astype(np.float32)
    view, labels = ChipView(pixels, range(CHANNELS)), np.arange(chips) % 2
    folds = [np.flatnonzero(np.arange(chips) // 2 % FOLDS != fold) for fold in range(FOLDS)]
    return [
        Task(lambda: to_module(architecture, CHANNELS, 2), view, rows, labels[rows], batch, seed)
        for seed, rows in enumerate(folds)
    ]


def train_wide(tasks: Sequence[Task], training: TrainingConfig) -> tuple[list[float], float]:
    """Return the last epoch's loss per fold, and the seconds of the shortest epoch; folds must be equally large."""
    compute = Compute.choose(training)
    networks = []
    for task in tasks:
        torch.manual_seed(derive_seed(task.seed, "weights"))
        networks.append(task.build())
    network = widen(networks).to(compute.device).to(memory_format=torch.channels_last).train()
    optimizer = Adam(network, training.learning_rate)
    shufflers = [np.random.default_rng(derive_seed(task.seed, "shuffle")) for task in tasks]
    batch = tasks[0].batch
    seconds = []
    for _ in range(training.epochs):
        start = time.perf_counter()
        orders = [
            task.rows[shuffler.permutation(len(task.rows))] for task, shuffler in zip(tasks, shufflers, strict=True)
        ]
        total = torch.zeros(len(tasks), device=compute.device)
        for first in range(0, len(orders[0]), batch):
            chosen = [order[first : first + batch] for order in orders]
            images = torch.cat([to_images(task.view.batch(rows)) for task, rows in zip(tasks, chosen, strict=True)], 1)
            targets = torch.from_numpy(np.stack(chosen, 1) % 2).to(compute.device)
            network.zero_grad(set_to_none=True)
            with compute.autocast():
                logits = network(images.to(compute.device).contiguous(memory_format=torch.channels_last))
                losses = nn.functional.cross_entropy(logits.permute(0, 2, 1), targets, reduction="none").mean(0)
            losses.sum().backward()
            optimizer.step()
            total += losses.detach() * len(targets)
        losses_now = (total / len(orders[0])).tolist()
        seconds.append(time.perf_counter() - start)
    return losses_now, min(seconds)


def measure(tasks: list[Task], training: TrainingConfig) -> dict[str, tuple[list[float], float]]:
    """Train in each way; return way -> last epoch's loss per fold, and seconds of an epoch of all folds."""
    apart = [train(task, training) for task in tasks]
    together = train_together(tasks, training)
    return {
        "apart": ([run.loss[-1] for run in apart], sum(run.seconds for run in apart) / training.epochs),
        "side by side": ([run.loss[-1] for run in together], sum(run.seconds for run in together) / training.epochs),
        "one wide network": train_wide(tasks, training),
    }


def main() -> None:
    """Print one line per network and batch size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["float32", "bf16", "auto"], default="float32")
    parser.add_argument("--chips", type=int, default=80)
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one small network, only to check that the benchmark runs")
    arguments = parser.parse_args()
    use_one_thread()
    training = TrainingConfig(epochs=1, device=arguments.device, precision=arguments.precision)
    sizes = ["small"] if arguments.quick else list(NETWORKS)
    batches = arguments.batches[:1] if arguments.quick else arguments.batches
    print(
        f"{'network':8}{'batch':>6}  seconds of an epoch of {FOLDS} folds (ratio of apart to it, difference of losses)"
    )
    for size, batch in product(sizes, batches):
        tasks = make_tasks(NETWORKS[size], batch, 20 if arguments.quick else arguments.chips)
        rounds = [measure(tasks, training) for _ in range(1 if arguments.quick else arguments.rounds)]
        cells = []
        for way in rounds[0]:
            seconds = statistics.median(found[way][1] for found in rounds)
            ratio = statistics.median(found["apart"][1] / found[way][1] for found in rounds)
            differs = max(np.abs(np.subtract(found[way][0], found["apart"][0])).max() for found in rounds)
            cells.append(f"{way} {seconds:.2f} s ({ratio:.2f}, {differs:.0e})")
        print(f"{size:8}{batch:6}  {'; '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
