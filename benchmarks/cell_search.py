"""Measure what each speed-up of the constrained cell search saves, and what it costs in accuracy.

First, it measures seconds per step, memory for gradients, and the number of parameters. A step trains alpha on one
batch and the weights on another; rounds of all variants are interleaved; memory is what autograd keeps for the backward
pass of one batch. Each ratio is the plain search's value divided by the variant's. Then it measures the accuracy of
networks derived from complete searches within one budget and trained individually on generated crossings: mean and
standard deviation over seeds.

Run: python benchmarks/cell_search.py [--space darts] [--rounds 10] [--size-px 100] [--width 16] [--seeds 3]
    [--figure ablation.png] [--quick]
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from training import CHANNELS, arguments_of, write_chips

from workflow_lib.data.chip_tables import FOLDS
from workflow_lib.data.dataset import ChipView, Dataset
from workflow_lib.report.plots.style import PALETTE, WIDTH_IN, save_figure, themed
from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.search.constrained_search import ConstrainedSearch
from workflow_lib.search.derivation import DERIVATIONS
from workflow_lib.search.mixed_cells import SpeedUps, to_mixed
from workflow_lib.search.search_task import SearchTask, split_in_halves
from workflow_lib.spaces.cell_costs import CellCosts
from workflow_lib.spaces.cell_spaces import CELL_SPACES
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.training.compute import use_one_thread
from workflow_lib.training.fold import Fold, train_and_score
from workflow_lib.training.training_config import TrainingConfig

CLASSES, BATCH, STEPS = 2, 16, 4
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "derived cells": {"mix_first_cells_only": True},
    "shared operations": {"shared_operations": True},
    "bottleneck 4": {"bottleneck": 4},
    "these three": {"mix_first_cells_only": True, "shared_operations": True, "bottleneck": 4},
    "partial channels 4": {"partial_channels": 4},
    "sampled": {"sample_operations": True},
}
"""Name -> keys of `cell_search`; the last two come from other papers (PC-DARTS, GDAS)."""


@dataclass(frozen=True)
class Scale:
    """The size of the benchmark: rounds, seeds, epochs, and sizes of chips and networks."""

    rounds: int
    size_px: int
    width: int
    seeds: int
    chips: int
    epochs: int


@dataclass(frozen=True)
class Measured:
    """Measurements of one variant: seconds per step, bytes kept by autograd for a batch, parameters, accuracies (%)."""

    seconds: float
    kept: int
    parameters: int
    accuracies: list[float]


def settings_of(variant: str, width: int, epochs: int) -> CellSearchConfig:
    return CellSearchConfig(batch=BATCH, width=width, epochs=epochs, **VARIANTS[variant])


def kept_bytes(network: nn.Module, images: Tensor, noise: Tensor | None) -> int:
    """Measure the bytes that autograd keeps for one batch, without the weights."""
    weights = {parameter.data_ptr() for parameter in network.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in weights:
            kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = network(images, noise).sum()
    loss.backward()
    return sum(kept.values())


def costs_of(space: str, skeleton: Skeleton) -> CellCosts:
    """Count the parameters of the cells' operations."""
    return CELL_SPACES[space].count_parameters(skeleton, len(CHANNELS), CLASSES)


def measure_steps(space: str, scale: Scale) -> Mapping[str, Measured]:
    """Measure seconds per step, bytes and parameters of each variant; accuracies stay empty."""
    skeleton = Skeleton(scale.width, cells=1, stem_strides=2)
    costs, shape = costs_of(space, skeleton), (2 * BATCH * STEPS, scale.size_px, scale.size_px, len(CHANNELS))
    pixels = np.random.default_rng(0).random(shape, dtype=np.float32)
    rows = np.arange(len(pixels))
    task = SearchTask(ChipView(pixels, list(range(len(CHANNELS)))), rows[::2], rows[1::2], rows % CLASSES, 0)
    searches = {}
    for name in VARIANTS:
        settings = settings_of(name, scale.width, scale.rounds)
        network = to_mixed(space, len(CHANNELS), CLASSES, skeleton, SpeedUps.of(settings))
        searches[name] = ConstrainedSearch(network, task, settings, costs, costs.fixed * 2)
    seconds: dict[str, list[float]] = {name: [] for name in searches}
    for _ in range(scale.rounds):
        for name, search in searches.items():
            start = time.perf_counter()
            search.epoch()
            seconds[name].append((time.perf_counter() - start) / STEPS)
    images = torch.rand(BATCH, len(CHANNELS), scale.size_px, scale.size_px)
    return {
        name: Measured(
            statistics.median(seconds[name]),
            kept_bytes(search.network, images, search.noise()),
            sum(parameter.numel() for parameter in search.network.parameters()),
            [],
        )
        for name, search in searches.items()
    }


def accuracy(folder: Path, space: str, variant: str, seed: int, epochs: int) -> float:
    """Search within one budget, derive a network, train it, and return its accuracy (percent)."""
    skeleton = Skeleton(8, cells=1, stem_strides=2)
    costs, dataset = costs_of(space, skeleton), Dataset.open(arguments_of(folder))
    folds = FOLDS.read(folder / "folds.parquet")
    rows, validation = (dataset.rows(folds, 0, role) for role in ("training", "validation"))
    budget = 1.6 * costs.fixed
    torch.manual_seed(seed)
    settings = settings_of(variant, skeleton.width, epochs)
    network = to_mixed(space, len(CHANNELS), CLASSES, skeleton, SpeedUps.of(settings))
    task = SearchTask(dataset.view(CHANNELS, rows), *split_in_halves(rows, dataset.labels, seed), dataset.labels, seed)
    search = ConstrainedSearch(network, task, settings, costs, budget)
    search.run()
    found = DERIVATIONS[space].derive(search.paths[-1], costs, skeleton, budget)
    training = TrainingConfig(epochs=epochs, schedule="cosine", device="cpu")
    (outcome,) = train_and_score(dataset, CHANNELS, str(found), BATCH, training, [Fold(rows, validation, seed)])
    return float(outcome.scores["accuracy_pct"])


def describe(name: str, result: Measured, plain: Measured) -> str:
    ratios = [
        plain.seconds / result.seconds,
        plain.kept / result.kept,
        plain.parameters / result.parameters,
    ]
    accuracies = result.accuracies
    return (
        f"{name}: {1e3 * result.seconds:.1f} ms per step, {result.kept / 1e6:.1f} MB kept, "
        f"{result.parameters:,} parameters; "
        f"ratio {ratios[0]:.2f} in time, {ratios[1]:.2f} in memory, {ratios[2]:.2f} in parameters; "
        f"accuracy {statistics.mean(accuracies):.1f} +- {statistics.pstdev(accuracies):.1f} %"
    )


@themed
def draw(results: Mapping[str, Measured]) -> Figure:
    """Plot time, memory and accuracy of each variant (Dutta, Kanvar and Agarwal, figure 4a)."""
    figure = Figure(figsize=(WIDTH_IN, 0.3 * len(results) + 1), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    plain, colors = results["plain"], [PALETTE[0]] + [PALETTE[1]] * (len(results) - 1)
    shares = [
        [100 * getattr(result, part) / getattr(plain, part) for result in results.values()]
        for part in ("seconds", "kept")
    ]
    for axes, values, title in zip(panels, shares, ("Time of a step", "Memory of a step"), strict=False):
        axes.barh(list(results), values, color=colors)
        axes.bar_label(axes.containers[0], fmt="%.0f", padding=2, fontsize=8)
        axes.set(title=title, xlabel="% of the plain search", xlim=(0, 1.2 * max(values)))
    for place, (result, color) in enumerate(zip(results.values(), colors, strict=True)):
        panels[2].scatter(result.accuracies, [place] * len(result.accuracies), color=color, s=18, zorder=3)
        panels[2].plot([statistics.mean(result.accuracies)] * 2, [place - 0.3, place + 0.3], color=color, linewidth=2)
    panels[2].set(title="Derived networks", xlabel="Accuracy (%)")
    panels[0].invert_yaxis()
    return figure


def main() -> None:
    """Print one line per variant, and plot all variants if a file is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", choices=list(DERIVATIONS), default="nasbench201")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--size-px", type=int, default=100)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--figure", type=Path, help="write a figure of all variants")
    parser.add_argument(
        "--quick", action="store_true", help="few small chips and one seed, only to check that the benchmark runs"
    )
    given = parser.parse_args()
    scale = (
        Scale(rounds=2, size_px=16, width=8, seeds=1, chips=12, epochs=1)
        if given.quick
        else Scale(given.rounds, given.size_px, given.width, given.seeds, chips=300, epochs=20)
    )
    use_one_thread()
    torch.manual_seed(0)
    figures = measure_steps(given.space, scale)
    with tempfile.TemporaryDirectory() as scratch:
        write_chips(Path(scratch), scale.chips, size_px=48, noise=0.7)
        for name, measured in figures.items():
            for seed in range(scale.seeds):
                measured.accuracies.append(accuracy(Path(scratch), given.space, name, seed, scale.epochs))
            print(describe(name, measured, figures["plain"]), flush=True)
    if given.figure:
        save_figure(draw(figures), given.figure, dpi=150)


if __name__ == "__main__":
    main()
