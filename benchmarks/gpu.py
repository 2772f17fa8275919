"""Measure trainings on a GPU, alone and side by side: images per second, share of peak, and hours for CROSS's grid.

Networks are trained by `train_together`, as `train_fold` trains the folds of a candidate. The first epoch, in which
steps are recorded, is not counted. Hours are for 5,430 trainings of 5 epochs: measured rates, interpolated over the
networks' work, plus the start-up time of each job. The workflow's jobs train five networks side by side.

Run: python benchmarks/gpu.py [--packs 1 5 10] [--start-up-s 6] [--quick]
"""

import argparse
import sys
from itertools import product
from pathlib import Path

import numpy as np
import torch
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.config import Config, parse_config
from workflow_lib.data.dataset import ChipView
from workflow_lib.spaces.cross.cross_architecture import Architecture
from workflow_lib.spaces.cross.cross_counts import costs
from workflow_lib.spaces.cross.cross_module import to_module
from workflow_lib.training.compute import Compute, use_one_thread
from workflow_lib.training.loop import Task, train_together
from workflow_lib.training.training_config import TRAINING_PASSES, TrainingConfig

PAPER = Path(__file__).parents[1] / "config" / "scenarios" / "paper.yaml"
CHIPS, SIZE_PX, CLASSES, FOLDS, STEADY_EPOCHS = 12_068, 100, 2, 5, 2


def chip_flops(architecture: str, channels: int) -> float:
    """Count the training FLOPs of one chip."""
    return 2.0 * TRAINING_PASSES * costs(Architecture.parse(architecture), channels, CLASSES, SIZE_PX).multiply_adds


def images_per_s(
    architecture: str, channels: int, batch: int, pack: int, chips: int, training: TrainingConfig
) -> float:
    """Measure the rate of `pack` networks side by side, after their steps are recorded.

    Args:
        architecture: architecture id.
        channels: number of input channels.
        batch: batch size.
        pack: number of networks trained side by side.
        chips: number of chips per epoch.
        training: training settings.
    """
    pixels = np.random.default_rng(0).random((chips, SIZE_PX, SIZE_PX, channels), dtype=np.float32)
    view, rows, labels = ChipView(pixels, range(channels)), np.arange(chips), np.arange(chips) % CLASSES
    seconds = []
    # In the first run, libraries are loaded and choose algorithms for these shapes.
    for epochs in (1, 1, 1 + STEADY_EPOCHS):
        tasks = [
            Task(lambda: to_module(architecture, channels, CLASSES), view, rows, labels, batch, seed)
            for seed in range(pack)
        ]
        trained = train_together(tasks, training.model_copy(update={"epochs": epochs}))
        seconds.append(sum(run.seconds for run in trained))
    return STEADY_EPOCHS * chips * pack / (seconds[-1] - seconds[-2])


def grid_hours(config: Config, flops_per_s: dict[int, dict[float, float]], start_up_s: float) -> float:
    """Estimate the hours of the grid.

    Args:
        config: configuration of the grid.
        flops_per_s: batch size -> FLOPs of a chip -> rate (FLOP/s).
        start_up_s: start-up time of each job, which trains the folds of one candidate (s).
    """
    seconds = 0.0
    networks = [*config.architectures, *config.grid.baselines]
    for channels, batch, network in product(config.grid.channel_sets.values(), config.grid.batch_sizes, networks):
        flops = chip_flops(network, len(channels))
        rates = flops_per_s[batch]
        rate = np.exp(np.interp(np.log(flops), np.log(sorted(rates)), np.log([rates[key] for key in sorted(rates)])))
        # Each fold trains on all chips but its validation chips; predicting those costs a third of a training pass.
        passes = config.training.epochs * (FOLDS - 1) + 1 / TRAINING_PASSES
        seconds += CHIPS * passes * flops / rate + start_up_s
    return seconds / 3600


def main() -> None:
    """Print the rates, the ratios and the hours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--packs", type=int, nargs="+", default=[1, 5, 10], help="numbers of networks trained side by side"
    )
    parser.add_argument("--chips", type=int, default=960)
    parser.add_argument(
        "--start-up-s", type=float, default=6.0, help="assumed start-up time of each job: imports, chips, recording"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few chips and small networks on the CPU, only to check that the benchmark runs",
    )
    arguments = parser.parse_args()
    if not arguments.quick and not torch.cuda.is_available():
        sys.exit("error: no CUDA device; use --quick to check on the CPU that the benchmark runs")
    use_one_thread()
    training = TrainingConfig(device="cpu" if arguments.quick else "cuda", precision="auto")
    config = parse_config(yaml.safe_load(PAPER.read_text()))
    channels = len(config.grid.channel_sets["5"])
    by_work = sorted(config.architectures, key=lambda name: chip_flops(name, channels))
    networks = [by_work[0], by_work[len(by_work) // 2], by_work[-1]]
    batches, packs, chips = config.grid.batch_sizes, arguments.packs, arguments.chips
    if arguments.quick:
        networks, batches, packs, chips = networks[:1], batches[:1], packs[:2], 8
    compute = Compute.choose(training)
    peak = compute.peak_flops_per_s()
    print(f"{compute.name}, {compute.precision}: {peak / 1e12:.2f} TFLOP/s of a large matrix product")
    rates: dict[int, dict[int, dict[float, float]]] = {pack: {batch: {} for batch in batches} for pack in packs}
    for network, batch in product(networks, batches):
        flops = chip_flops(network, channels)
        for pack in packs:
            images = images_per_s(network, channels, batch, pack, chips, training)
            rates[pack][batch][flops] = images * flops
            print(
                f"{network:24} batch {batch:2}, {pack:2} side by side: {images:9.1f} images/s,"
                f" {100 * images * flops / peak:5.1f} % of peak,"
                f" ratio to alone {rates[pack][batch][flops] / rates[packs[0]][batch][flops]:.2f}",
                flush=True,
            )
    if not arguments.quick:
        for pack in packs:
            hours = grid_hours(config, rates[pack], arguments.start_up_s)
            print(f"CROSS's grid, 5,430 trainings of 5 epochs, {pack} side by side: {hours:.2f} hours on one such GPU")


if __name__ == "__main__":
    main()
