"""What each speed-up of the constrained cell search saves: seconds per step, memory for gradients, parameters.

A step trains alpha on one batch and weights on another. Rounds of all variants are interleaved; memory is what autograd
keeps for the backward pass of one batch. Each ratio is the plain search's figure over the variant's.

Run: python benchmarks/cell_search.py [--rounds 10] [--size-px 100] [--width 16] [--quick]
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.core.config import CellSearchConfig
from workflow_lib.core.spaces.nasbench201 import Skeleton
from workflow_lib.core.spaces.nasbench201_costs import count_parameters
from workflow_lib.data.dataset import ChipView
from workflow_lib.models.mixed_cells import SpeedUps, to_mixed
from workflow_lib.search.constrained import ConstrainedSearch, SearchTask
from workflow_lib.training.compute import use_one_thread

CHANNELS, CLASSES, BATCH, STEPS = 5, 2, 16, 4
VARIANTS = {
    "plain": SpeedUps(),
    "derived cells": SpeedUps(derived_cells=True),
    "shared operations": SpeedUps(shared_operations=True),
    "bottleneck 4": SpeedUps(bottleneck=4),
    "all": SpeedUps(derived_cells=True, shared_operations=True, bottleneck=4),
}


def kept_bytes(network: nn.Module, images: Tensor) -> int:
    """What autograd keeps for one batch, weights aside."""
    weights = {parameter.data_ptr() for parameter in network.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in weights:
            kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = network(images).sum()
    loss.backward()
    return sum(kept.values())


def main() -> None:
    """Print one line per variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--size-px", type=int, default=100)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--quick", action="store_true", help="two rounds of small chips: shows that it runs")
    arguments = parser.parse_args()
    rounds, size_px, width = (2, 16, 4) if arguments.quick else (arguments.rounds, arguments.size_px, arguments.width)
    use_one_thread()
    torch.manual_seed(0)
    skeleton = Skeleton(width, cells=1, stem_strides=2)
    costs = count_parameters(skeleton, CHANNELS, CLASSES)
    pixels = np.random.default_rng(0).random((2 * BATCH * STEPS, size_px, size_px, CHANNELS), dtype=np.float32)
    rows = np.arange(len(pixels))
    task = SearchTask(ChipView(pixels, list(range(CHANNELS))), rows[::2], rows[1::2], rows % CLASSES, 0)
    settings = CellSearchConfig(batch=BATCH, width=width, epochs=rounds)
    searches = {
        name: ConstrainedSearch(
            to_mixed("nasbench201", CHANNELS, CLASSES, skeleton, speed_ups), task, settings, costs, costs.fixed * 2
        )
        for name, speed_ups in VARIANTS.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in searches}
    for _ in range(rounds):
        for name, search in searches.items():
            start = time.perf_counter()
            search.epoch()
            seconds[name].append((time.perf_counter() - start) / STEPS)
    images = torch.rand(BATCH, CHANNELS, size_px, size_px)
    figures = {
        name: (
            statistics.median(seconds[name]),
            kept_bytes(search.network, images),
            sum(parameter.numel() for parameter in search.network.parameters()),
        )
        for name, search in searches.items()
    }
    for name, (taken, kept, parameters) in figures.items():
        ratios = [plain / own for plain, own in zip(figures["plain"], (taken, kept, parameters), strict=True)]
        print(
            f"{name}: {1e3 * taken:.1f} ms per step, {kept / 1e6:.1f} MB kept, {parameters:,} parameters; "
            f"ratio {ratios[0]:.2f} in time, {ratios[1]:.2f} in memory, {ratios[2]:.2f} in parameters"
        )


if __name__ == "__main__":
    main()
