"""Compare trainings with and without the training recipe: seconds per step of each part, and the gain in accuracy.

Trainings take turns within a round, so all of them see the same load of the machine. The accuracy is that on a third of
the chips; its gain has the standard error over the seeds.

Run: python benchmarks/recipe.py [--chips 1000] [--epochs 16] [--seeds 3] [--quick]
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from training import CHANNELS, arguments_of, write_chips

from workflow_lib.data.dataset import Dataset
from workflow_lib.models.modules import to_module
from workflow_lib.training.compute import use_one_thread
from workflow_lib.training.loop import Task, predict, train
from workflow_lib.training.training_config import TrainingConfig

NETWORKS = ("compact-basic-w8-n3x1-k3s2-nopool", "compact-basic-w16-n3x1-k3s2-nopool", "k3-s2-p1-pool3s2-w32")
RECIPE = {"flips": True, "rotations": True, "weight_decay": 0.02, "schedule": "cosine"}
PARTS = {
    "flips and quarter turns": {"flips": True, "rotations": True},
    "shifts of up to 4 px": {"shift_px": 4},
    "dropped bands": {"band_dropout": 0.1},
    "weight decay": {"weight_decay": 0.02},
}
SIZE_PX, BATCH = 48, 16


def run(dataset: Dataset, network: str, seed: int, training: TrainingConfig) -> tuple[float, float]:
    """Train one network on two thirds of the chips; return its seconds and its accuracy on the others (percent)."""
    rows = np.random.default_rng(seed).permutation(len(dataset.labels))
    held_out, rows = np.sort(rows[: len(rows) // 3]), np.sort(rows[len(rows) // 3 :])
    view = dataset.view(CHANNELS, rows)
    task = Task(lambda: to_module(network, len(CHANNELS), 2), view, rows, dataset.labels[rows], BATCH, seed)
    trained = train(task, training)
    correct = predict(trained.network, view, held_out).argmax(1) == dataset.labels[held_out]
    return trained.seconds, 100 * float(correct.mean())


def compare_seconds(dataset: Dataset, network: str, rounds: int) -> None:
    """Print the median ratio of the seconds of each part of the recipe."""
    plain = TrainingConfig(epochs=2, device="cpu")
    ratios: dict[str, list[float]] = {name: [] for name in PARTS}
    run(dataset, network, 0, plain)  # what is slow only the first time
    for seed in range(rounds):
        before, _ = run(dataset, network, seed, plain)
        for name, part in PARTS.items():
            ratios[name].append(run(dataset, network, seed, plain.model_copy(update=part))[0] / before)
    for name, values in ratios.items():
        print(f"{network}: {name}, ratio of seconds per step {statistics.median(values):.3f}", flush=True)


def compare_accuracy(dataset: Dataset, network: str, seeds: int, epochs: int) -> None:
    """Print the gain in accuracy of the recipe with the same number of epochs."""
    plain = TrainingConfig(epochs=epochs, device="cpu")
    pairs = [
        [run(dataset, network, seed, training)[1] for training in (plain, plain.model_copy(update=RECIPE))]
        for seed in range(seeds)
    ]
    gains = [after - before for before, after in pairs]
    error = statistics.stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else float("nan")
    before, after = (statistics.mean(values) for values in zip(*pairs, strict=True))
    print(
        f"{network}: {before:.2f} % plain, {after:.2f} % with the recipe, gain {after - before:+.2f} points "
        f"(standard error {error:.2f}, {epochs} epochs, {seeds} seeds)",
        flush=True,
    )


def main() -> None:
    """Print the comparison of every network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chips", type=int, default=1000, help="number of chips, half of each class")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one network, few chips: shows that it runs")
    arguments = parser.parse_args()
    chips, epochs, seeds = (60, 2, 1) if arguments.quick else (arguments.chips, arguments.epochs, arguments.seeds)
    use_one_thread()
    with tempfile.TemporaryDirectory() as name:
        write_chips(Path(name), chips // 2, SIZE_PX, noise=0.3)
        dataset = Dataset.open(arguments_of(Path(name)))
        for network in NETWORKS[: 1 if arguments.quick else None]:
            compare_seconds(dataset, network, seeds)
            compare_accuracy(dataset, network, seeds, epochs)


if __name__ == "__main__":
    main()
