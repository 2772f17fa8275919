"""Compare training in the jobs of this workflow with the style of CROSS's notebooks, in alternation, with accuracies.

In notebook style, each NNI trial loads the whole dataset and feeds its network through a DataLoader (NCHW, float32).
The notebooks' own settings are two concurrent trials with torch's default threads. Imports and start-up are
not counted.

Run: python benchmarks/training.py [--rounds 5] [--quick]
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, TensorDataset

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.data.dataset import Dataset, DatasetArguments
from workflow_lib.spaces.cross.cross_module import to_module
from workflow_lib.stages import assign_folds, generate_chips, import_chips
from workflow_lib.training.fold import Fold, train_and_score
from workflow_lib.training.training_config import TrainingConfig
from workflow_lib.workflow.resources import JOB_ENVIRONMENT

CORES = len(os.sched_getaffinity(0))
NETWORKS = ["k3-s2-p1-pool3s2-w32", "k3-s2-p1-pool3s2-w64", "k5-s1-p2-pool3s2-w32", "k7-s2-p3-pool3s2-w64"]
JSON_CLASSES = '["F", "T"]'
CHANNELS = ["dem", "red", "green", "blue", "nir"]
BATCH, FOLDS = 16, 5


@dataclass(frozen=True)
class Trial:
    """One network to be trained on some folds."""

    folder: Path
    architecture: str
    folds: range
    epochs: int
    seed: int


@dataclass(frozen=True)
class Way:
    """How trials are run.

    Args:
        run: runs a trial and returns its mean accuracy (percent).
        at_once: number of concurrent trials.
        threads: threads per trial.
        environment: environment variables of the processes.
        fold_by_fold: whether each fold is a trial.
    """

    run: Callable[[Trial], float]
    at_once: int
    threads: int
    environment: dict[str, str]
    fold_by_fold: bool = False

    def split(self, trial: Trial) -> list[Trial]:
        """Split a trial into the parts that run separately: one for all folds, or one per fold."""
        folds = [range(fold, fold + 1) for fold in trial.folds] if self.fold_by_fold else [trial.folds]
        return [replace(trial, folds=some) for some in folds]


def arguments_of(folder: Path) -> DatasetArguments:
    return DatasetArguments(
        array=folder / "chips.npy", moments=folder / "moments.npy", chips=folder / "chips.parquet",
        bands=[*CHANNELS, "ndwi", "ndvi"], classes=["F", "T"], normalisation="per_chip_band",
    )  # fmt: skip


def write_chips(folder: Path, each: int, size_px: int = 100, noise: float = 0.0) -> None:
    """Generate and import chips with the workflow's stages.

    Args:
        folder: folder for all files.
        each: number of chips per class.
        size_px: height and width of a chip (pixels).
        noise: noise on every band, in standard deviations.
    """
    counts = f'{{"Nebraska": {{"F": {each}, "T": {each}}}}}'
    regions = (
        '{"Nebraska": [{"folder": "Nebraska/DEM", "bands": ["dem"]},'
        ' {"folder": "Nebraska/Aer", "bands": ["red", "green", "blue", "nir"]}]}'
    )
    generate_chips.main([
        f"--counts={counts}", f"--chip-size-px={size_px}", f"--noise={noise}", "--seed=7",
        "--output", str(folder / "rasters"),
    ])  # fmt: skip
    import_chips.main([
        f"--regions={regions}", "--classes", JSON_CLASSES, "--root", str(folder / "rasters"),
        "--normalisation=per_chip_band", f"--chip-size-px={size_px}", "--array", str(folder / "chips.npy"),
        "--moments", str(folder / "moments.npy"), "--chips", str(folder / "chips.parquet"),
        "--bands-table", str(folder / "bands.parquet"), "--rejected", str(folder / "rejected.parquet"),
        "--notices", str(folder / "notices.parquet"),
    ])  # fmt: skip
    assign_folds.main([
        f"--count={FOLDS}", "--seed=7", "--chips", str(folder / "chips.parquet"),
        "--output", str(folder / "folds.parquet"),
    ])  # fmt: skip


def in_notebook_style(trial: Trial) -> float:
    """Train and validate fold by fold; return the mean accuracy (percent)."""
    dataset = Dataset.open(arguments_of(trial.folder))
    images = torch.from_numpy(np.array(dataset.pixels)[..., : len(CHANNELS)].transpose(0, 3, 1, 2).copy())
    labels = torch.from_numpy(dataset.labels)
    folds = pd.read_parquet(trial.folder / "folds.parquet")
    criterion = torch.nn.CrossEntropyLoss()
    accuracies = []
    for fold in trial.folds:
        torch.manual_seed(100 * trial.seed + fold)
        rows, validation = (dataset.rows(folds, fold, role) for role in ("training", "validation"))
        loader = DataLoader(TensorDataset(images[rows], labels[rows]), BATCH, shuffle=True)
        network = to_module(trial.architecture, len(CHANNELS), 2)
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
        for _ in range(trial.epochs):
            total = 0.0
            for inputs, targets in loader:
                optimizer.zero_grad()
                loss = criterion(network(inputs), targets)
                loss.backward()
                optimizer.step()
                total += loss.item()
        network.eval()
        with torch.no_grad():
            batches = DataLoader(TensorDataset(images[validation], labels[validation]), BATCH)
            right = sum(int((network(inputs).argmax(1) == targets).sum()) for inputs, targets in batches)
        accuracies.append(100 * right / len(validation))
    return statistics.mean(accuracies)


def as_jobs(trial: Trial, precision: str) -> float:
    """Train as the `train_fold` jobs of a candidate do; return the mean accuracy (percent)."""
    dataset = Dataset.open(arguments_of(trial.folder))
    folds = pd.read_parquet(trial.folder / "folds.parquet")
    training = TrainingConfig(epochs=trial.epochs, precision=precision, device="cpu")
    tasks = [
        Fold(dataset.rows(folds, fold, "training"), dataset.rows(folds, fold, "validation"), 100 * trial.seed + fold)
        for fold in trial.folds
    ]
    outcomes = train_and_score(dataset, CHANNELS, trial.architecture, BATCH, training, tasks)
    return statistics.mean(outcome.scores["accuracy_pct"] for outcome in outcomes)


def as_jobs_float32(trial: Trial) -> float:
    return as_jobs(trial, "float32")


def as_jobs_bf16(trial: Trial) -> float:
    return as_jobs(trial, "bf16")


WAYS = {
    "notebook, 2 at once, default threads": Way(in_notebook_style, 2, CORES, {}),
    f"notebook, 1 at once, {CORES} threads": Way(in_notebook_style, 1, CORES, {}),
    f"notebook, {CORES} at once, 1 thread": Way(in_notebook_style, CORES, 1, {}),
    "jobs, float32": Way(as_jobs_float32, CORES, 1, JOB_ENVIRONMENT, fold_by_fold=True),
    "jobs, bf16": Way(as_jobs_bf16, CORES, 1, JOB_ENVIRONMENT, fold_by_fold=True),
}
OWN_SETTINGS, *OTHER_SETTINGS, FLOAT32, BF16 = WAYS


def start(threads: int, started: Any) -> None:
    """Initialise a worker: set its threads and silence standard error."""
    torch.set_num_threads(threads)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    started.release()


def measure(way: Way, trials: list[Trial]) -> tuple[float, float]:
    """Run all trials; return seconds and mean accuracy (percent)."""
    context = multiprocessing.get_context("spawn")
    started = context.Semaphore(0)
    os.environ |= way.environment
    with context.Pool(way.at_once, start, (way.threads, started)) as pool:
        for name in way.environment:
            del os.environ[name]
        for _ in range(way.at_once):
            started.acquire()
        begin = time.perf_counter()
        accuracies = pool.map(way.run, [part for trial in trials for part in way.split(trial)], chunksize=1)
        return time.perf_counter() - begin, statistics.mean(accuracies)


def report(results: dict[str, list[tuple[float, float]]]) -> None:
    """Print the times and accuracies of each way, and ratios within rounds."""
    for name, rounds in results.items():
        seconds, accuracies = zip(*rounds, strict=True)
        error = statistics.stdev(accuracies) / len(accuracies) ** 0.5 if len(accuracies) > 1 else float("nan")
        print(
            f"{name}: {' '.join(f'{value:.1f}' for value in seconds)} s;"
            f" accuracy {statistics.mean(accuracies):.2f} % (standard error {error:.2f})"
        )
    for ours in (FLOAT32, BF16):
        if ours in results:
            own = _ratio(results[OWN_SETTINGS], results[ours])
            best = min(_ratio(results[name], results[ours]) for name in OTHER_SETTINGS)
            print(f"ratio to {ours}: notebook with its own settings {own:.2f}, with its best {best:.2f}")
            for name in OTHER_SETTINGS:
                print(f"accuracy of {ours} beside {name}: {_difference(results[ours], results[name])}")


def _difference(ours: list[tuple[float, float]], theirs: list[tuple[float, float]]) -> str:
    """Describe the difference of mean accuracies and its standard error."""
    parts = [[accuracy for _, accuracy in rounds] for rounds in (ours, theirs)]
    if min(map(len, parts)) < 2:
        return "of one round"
    error = sum(statistics.variance(part) / len(part) for part in parts) ** 0.5
    return f"{statistics.mean(parts[0]) - statistics.mean(parts[1]):+.2f} points, standard error {error:.2f}"


def _ratio(theirs: list[tuple[float, float]], ours: list[tuple[float, float]]) -> float:
    """Return the median ratio over the rounds in which both ways ran."""
    return statistics.median(first[0] / second[0] for first, second in zip(theirs, ours, strict=False))


def main() -> None:
    """Print times, accuracies and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds, each with its own seed")
    parser.add_argument(
        "--slow-rounds", type=int, default=1, help="number of rounds that include the notebook's own settings"
    )
    parser.add_argument("--folds", type=int, default=2, help=f"number of folds per network, up to {FOLDS}")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument(
        "--quick", action="store_true", help="one epoch of one small network, only to check that the benchmark runs"
    )
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.folds, arguments.epochs = 1, 1, 1
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    if not torch.cpu._is_avx512_bf16_supported() and not torch.cpu._is_amx_tile_supported():
        print("this processor does not multiply bf16 in hardware; bf16 is skipped")
        del results[BF16]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_chips(folder, 10 if arguments.quick else 80)
        networks = NETWORKS[:1] if arguments.quick else NETWORKS
        for number in range(arguments.rounds):
            trials = [
                Trial(folder, network, range(arguments.folds), arguments.epochs, seed=number) for network in networks
            ]
            for way in results:
                if way != OWN_SETTINGS or number < arguments.slow_rounds:
                    results[way].append(measure(WAYS[way], trials))
                    print(f"round {number + 1}, {way}: {results[way][-1][0]:.1f} s", flush=True)
    report(results)


if __name__ == "__main__":
    main()
