"""Compare search strategies on tables of trained networks, by the strict hypervolume of what they find.

Strict: the reference is the accuracy of the median network and the latency of the slowest front member, so networks
that nobody would deploy add nothing. All strategies see the same accuracies, with or without noise of half the
networks' standard deviation, and are judged by the true ones. Only accuracy is unknown; latency is known beforehand.

Run: python benchmarks/search.py [--hardware nasbench201_hw.parquet] [--measured pi5_measured.parquet] [--seeds 10]
     [--trainings 32 100 300] [--noise] [--strategies random surrogate ...] [--quick]
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import moocore
import numpy as np
import pandas as pd
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from strategies import read_table, synthetic_table

from workflow_lib.pareto.dominance import front_mask
from workflow_lib.search.nni_tuners import Tuner
from workflow_lib.search.proposers import Reinforce, WithRandomFill, constrained_reward, random
from workflow_lib.search.strategy_declaration import Strategy
from workflow_lib.search.surrogate_search import Surrogate, standardise
from workflow_lib.spaces.nasbench201.nasbench201_cell import Cell, multiply_adds, space

ROUND, WEIGHT = 8, 0.07
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """One table: names, accuracies (percent) and latencies (ms) of all networks, and their features."""

    title: str
    names: Sequence[str]
    accuracy: Numbers
    latency: Numbers
    features: Numbers

    def strict_share(self, rows: Sequence[int]) -> float:
        """Strict hypervolume of some networks, in percent of that of all."""
        return 100 * self._volume(np.array(rows, dtype=int)) / self._volume(np.arange(len(self.names)))

    def recall(self, rows: Sequence[int]) -> float:
        """Share of the front's members with above-median accuracy among some networks (percent)."""
        members = set(self._front()) & set(np.flatnonzero(self.accuracy > np.median(self.accuracy)))
        return 100 * len(members & set(rows)) / len(members)

    def _front(self) -> NDArray[np.intp]:
        return np.flatnonzero(front_mask(np.column_stack([-self.accuracy, self.latency])))

    def _volume(self, rows: NDArray[np.integer]) -> float:
        reference = [-np.median(self.accuracy), self.latency[self._front()].max()]
        return float(moocore.hypervolume(np.column_stack([-self.accuracy, self.latency])[rows], ref=reference))


def features_of(cells: Sequence[str]) -> Numbers:
    """Live operation of each edge, how often each occurs, and the logarithm of the multiply-adds."""
    parsed = [Cell.parse(cell) for cell in cells]
    live = [cell.without_dead_operations or cell for cell in parsed]
    operations = pd.DataFrame([str(cell).split("-", 1)[-1].replace("-", ".").split(".") for cell in live])
    counts = np.stack([(operations == name).sum(axis=1) for name in sorted(set(operations.to_numpy().ravel()))], axis=1)
    work = np.log([multiply_adds(cell) + 1.0 for cell in live])
    one_by_one = pd.get_dummies(operations).to_numpy(dtype=float)
    return np.column_stack([one_by_one, standardise(np.column_stack([counts, work]))])


def makers(problem: Problem, chosen: Sequence[str]) -> dict[str, Callable[[int], Strategy]]:
    """Name -> function of the seed that makes the strategy."""
    costs = problem.latency[:, None]
    known: dict[str, Callable[[int], Strategy]] = {
        "random": lambda seed: random(space(), seed),
        "surrogate": lambda seed: Surrogate(problem.names, problem.features, costs, seed),
        "evolution": lambda seed: WithRandomFill(Tuner(space(), "evolution", seed), space(), seed),
        "tpe": lambda seed: WithRandomFill(Tuner(space(), "tpe", seed), space(), seed),
        "reinforce": lambda seed: WithRandomFill(Reinforce(space(), seed), space(), seed),
    }
    return {name: known[name] for name in chosen}


def search(problem: Problem, name: str, strategy: Strategy, seen: Numbers, trainings: int) -> tuple[list[int], float]:
    """Run one search; return the trained rows in order, and the CPU seconds of the strategy itself."""
    rows = {network: row for row, network in enumerate(problem.names)}
    median = float(np.median(problem.latency))
    rewards = seen if name == "surrogate" else constrained_reward(seen, problem.latency, median, WEIGHT)
    trained: list[int] = []
    start = time.process_time()
    while len(trained) < trainings:
        proposed = strategy.propose(min(ROUND, trainings - len(trained)))
        if not proposed:
            break
        trained += [rows[network] for network in proposed]
        strategy.tell({network: float(rewards[rows[network]]) for network in proposed})
    return trained, time.process_time() - start


def compare(problem: Problem, seeds: int, budgets: Sequence[int], noise: float, chosen: Sequence[str]) -> None:
    """Print the mean results of each strategy over the seeds."""
    for name, make in makers(problem, chosen).items():
        results: Mapping[int, list[tuple[float, float]]] = {budget: [] for budget in budgets}
        seconds = []
        for seed in range(seeds):
            error = np.random.default_rng(seed).normal(0, noise * problem.accuracy.std(), len(problem.names))
            trained, spent = search(problem, name, make(seed), problem.accuracy + error, max(budgets))
            seconds.append(spent)
            for budget, found in results.items():
                found.append((problem.strict_share(trained[:budget]), problem.recall(trained[:budget])))
        means = {budget: np.mean(found, axis=0) for budget, found in results.items()}
        shares = ", ".join(f"{budget}: {share:5.1f} (recall {hits:4.1f})" for budget, (share, hits) in means.items())
        print(
            f"{problem.title}, noise {noise:g}: {name:10} strict hypervolume in % at {shares}; ratio of the strategy's "
            f"CPU seconds to trainings {np.mean(seconds) / max(budgets):.4f}",
            flush=True,
        )


def problems(hardware: Path | None, measured: Path | None) -> list[Problem]:
    """The tables that are given, or an invented one."""
    found = []
    if hardware:
        table = pd.read_parquet(hardware)
        cells = read_table(hardware)["cell"].tolist()
        features = features_of(cells)
        for data in ("cifar10", "cifar100"):
            for device in ("raspi4", "pixel3", "fpga"):
                pair = table[f"{data}_test_acc_pct"].to_numpy(float), table[f"{device}_latency_ms"].to_numpy(float)
                found.append(Problem(f"{data} on {device}", cells, *pair, features))
        if measured:
            rows = pd.read_parquet(measured)
            rows = rows[(rows["framework"] == "litert") & (rows["task"] == "cifar100")]
            rows = rows.set_index("arch_idx").loc[table["arch_idx"]]
            pair = rows["accuracy_pct"].to_numpy(float), rows["latency_ms_median"].to_numpy(float)
            found.append(Problem("cifar100 on Pi 5 (measured)", cells, *pair, features))
    if not found:
        table = synthetic_table()
        cells = table["cell"].tolist()
        pair = table["accuracy_pct"].to_numpy(float), table["raspi4_latency_ms"].to_numpy(float)
        found.append(Problem("invented", cells, *pair, features_of(cells)))
    return found


def main() -> None:
    """Print the comparison on every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hardware", type=Path, help="nasbench201_hw.parquet (NATS-Bench, HW-NAS-Bench)")
    parser.add_argument("--measured", type=Path, help="pi5_measured.parquet")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trainings", type=int, nargs="+", default=[32, 100, 300])
    parser.add_argument("--noise", action="store_true", help="also with noise of half the networks' deviation")
    parser.add_argument("--strategies", nargs="+", default=["random", "surrogate", "evolution", "tpe", "reinforce"])
    parser.add_argument("--quick", action="store_true", help="one seed, few trainings, an invented table")
    arguments = parser.parse_args()
    seeds, trainings = (1, [24]) if arguments.quick else (arguments.seeds, arguments.trainings)
    for problem in problems(arguments.hardware, arguments.measured):
        for noise in (0.0, 0.5) if arguments.noise else (0.0,):
            compare(problem, seeds, trainings, noise, arguments.strategies)


if __name__ == "__main__":
    main()
