"""Compare search strategies on tables of trained networks, by the strict hypervolume of what they find.

Strict: the reference is the accuracy of the median network and the latency of the slowest front member, so networks
that nobody would deploy add nothing. All strategies see the same accuracies, with or without noise of half the
networks' standard deviation, and are judged by the true ones. Only accuracy is unknown; latency is known beforehand.

With --budgets, one search for five latency budgets at once is compared with the best of random draws within each
budget, at equal trainings in all.

Run: python benchmarks/search.py [--hardware nasbench201_hw.parquet] [--measured pi5_measured.parquet] [--seeds 10]
     [--trainings 32 100 300] [--noise] [--strategies random surrogate ...] [--budgets] [--quick]
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in jobs; read when NumPy is imported

import moocore
import numpy as np
import pandas as pd
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.pareto.dominance import front_mask
from workflow_lib.search.gaussian_process import Posterior
from workflow_lib.search.nni_tuners import Tuner
from workflow_lib.search.optuna_search import OptunaSearch, motpe, nsga2
from workflow_lib.search.pareto_local_search import ParetoLocalSearch
from workflow_lib.search.proposers import Reinforce, WithRandomFill, constrained_reward, front_filter, random
from workflow_lib.search.strategy_declaration import Strategy
from workflow_lib.search.surrogate_goals import BudgetGoal, FrontGoal
from workflow_lib.search.surrogate_search import Surrogate, standardise
from workflow_lib.spaces.nasbench201.nasbench201_cell import Cell, multiply_adds, space

ROUND, WEIGHT = 8, 0.07
BY_ACCURACY = {"surrogate", "nsga2", "motpe", "pareto_local_search"}
"""Strategies that receive accuracies; all others receive rewards that include the latency."""
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """One table: names, accuracies (percent) and latencies (ms) of all networks, and their features."""

    title: str
    names: Sequence[str]
    accuracy: Numbers
    latency: Numbers
    features: Numbers
    work: Numbers  # multiply-adds of the live operations

    def strict_share(self, rows: Sequence[int]) -> float:
        """Strict hypervolume of some networks, in percent of that of all."""
        return 100 * self._volume(np.array(rows, dtype=int)) / self._volume(np.arange(len(self.names)))

    def recall(self, rows: Sequence[int]) -> float:
        """Share of the front's members with above-median accuracy among some networks (percent)."""
        members = set(self._front()) & set(np.flatnonzero(self.accuracy > np.median(self.accuracy)))
        return 100 * len(members & set(rows)) / len(members)

    def distance(self, rows: Sequence[int]) -> float:
        """IGD+ of some networks: mean distance from the front's members, in units of the front's ranges."""
        points = np.column_stack([-self.accuracy, self.latency])
        front = points[self._front()]
        low, ranges = front.min(axis=0), np.ptp(front, axis=0)
        return float(moocore.igd_plus((points[rows] - low) / ranges, ref=(front - low) / ranges))

    def _front(self) -> NDArray[np.intp]:
        return np.flatnonzero(front_mask(np.column_stack([-self.accuracy, self.latency])))

    def _volume(self, rows: NDArray[np.integer]) -> float:
        reference = [-np.median(self.accuracy), self.latency[self._front()].max()]
        return float(moocore.hypervolume(np.column_stack([-self.accuracy, self.latency])[rows], ref=reference))


def live_cells(cells: Sequence[str]) -> list[Cell]:
    """The cells without operations that do not reach the output."""
    parsed = [Cell.parse(cell) for cell in cells]
    return [cell.without_dead_operations or cell for cell in parsed]


def features_of(live: Sequence[Cell], work: Numbers, latency: Numbers) -> Numbers:
    """Live operation of each edge, how often each occurs, and the logarithms of multiply-adds and latency."""
    operations = pd.DataFrame([str(cell).split("-", 1)[-1].replace("-", ".").split(".") for cell in live])
    counts = np.stack([(operations == name).sum(axis=1) for name in sorted(set(operations.to_numpy().ravel()))], axis=1)
    one_by_one = pd.get_dummies(operations).to_numpy(dtype=float)
    return np.column_stack([one_by_one, standardise(np.column_stack([counts, np.log(work + 1), np.log(latency + 1)]))])


def makers(problem: Problem) -> dict[str, Callable[[int], Strategy]]:
    """Name -> function of the seed that makes the strategy, with the settings that a run would use."""
    costs, first = problem.latency[:, None], 2 * ROUND
    by_name = dict(zip(problem.names, costs, strict=True))

    def filled(make: Callable[[int], Strategy]) -> Callable[[int], Strategy]:
        return lambda seed: WithRandomFill(make(seed), space(), seed)

    def filtered(proxy: Numbers) -> Callable[[int], Strategy]:
        return lambda _: front_filter(problem.names, np.column_stack([problem.latency, -proxy]))

    return {
        "random": lambda seed: random(space(), seed),
        "filter": filtered(problem.work / problem.latency),
        "flops": filtered(problem.work),
        "surrogate": lambda seed: Surrogate(problem.names, problem.features, FrontGoal(costs), seed),
        "evolution": filled(lambda seed: Tuner(space(), "evolution", seed, first)),
        "tpe": filled(lambda seed: Tuner(space(), "tpe", seed)),
        "reinforce": filled(lambda seed: Reinforce(space(), seed)),
        "nsga2": filled(lambda seed: OptunaSearch(space(), nsga2(seed, first), by_name)),
        "motpe": filled(lambda seed: OptunaSearch(space(), motpe(seed, first), by_name)),
        "pareto_local_search": filled(lambda seed: ParetoLocalSearch(space(), seed, first, by_name)),
    }


def search(problem: Problem, name: str, strategy: Strategy, seen: Numbers, trainings: int) -> tuple[list[int], float]:
    """Run one search; return the trained rows in order, and the CPU seconds of the strategy itself."""
    rows = {network: row for row, network in enumerate(problem.names)}
    median = float(np.median(problem.latency))
    rewards = seen if name in BY_ACCURACY else constrained_reward(seen, problem.latency, median, WEIGHT)
    trained: list[int] = []
    start = time.process_time()
    while len(trained) < trainings:
        proposed = strategy.propose(min(ROUND, trainings - len(trained)))
        if not proposed:
            break
        trained += [rows[network] for network in proposed]
        strategy.tell({network: float(rewards[rows[network]]) for network in proposed})
    return trained, time.process_time() - start


def compare(problem: Problem, seeds: int, budget: int, noise: float, chosen: Sequence[str]) -> pd.DataFrame:
    """Let each strategy search with each seed; one row per search: share, recall (percent) and CPU seconds."""
    rows = []
    for name in chosen:
        make = makers(problem)[name]
        for seed in range(seeds if name not in ("filter", "flops") else 1):
            error = np.random.default_rng(seed).normal(0, noise * problem.accuracy.std(), len(problem.names))
            trained, spent = search(problem, name, make(seed), problem.accuracy + error, budget)
            rows.append(
                {
                    "problem": problem.title,
                    "noise": noise,
                    "trainings": budget,
                    "strategy": name,
                    "share": problem.strict_share(trained),
                    "recall": problem.recall(trained),
                    "distance": problem.distance(trained),
                    "seconds": spent,
                }
            )
    return pd.DataFrame(rows)


def compare_budgets(problem: Problem, seeds: int, noise: float, draws: int) -> pd.DataFrame:
    """Search for the best network within each of five budgets of latency; one row per budget and seed.

    The budgets are the latencies that 10, 30, 50, 70 and 90 % of the networks are within. The shared search trains
    `draws` networks per budget in all, and its model chooses among them, as in a run. Random draws are the best of
    `draws` networks within each budget by the accuracies that are seen. Both are judged by the true ones (percent).
    """
    budgets = np.quantile(problem.latency, [0.1, 0.3, 0.5, 0.7, 0.9])
    goal, rows = BudgetGoal(problem.latency[:, None], budgets[:, None]), []
    for seed in range(seeds):
        generator = np.random.default_rng(seed)
        seen = problem.accuracy + generator.normal(0, noise * problem.accuracy.std(), len(problem.names))
        shared = Surrogate(problem.names, problem.features, goal, seed)
        trained, spent = search(problem, "surrogate", shared, seen, draws * len(budgets))
        believed = Posterior(problem.features, np.array(trained), seen[trained]).mean
        for budget in budgets:
            within = np.flatnonzero(problem.latency <= budget)
            found = np.intersect1d(trained, within)
            drawn = generator.choice(within, draws, replace=False)
            chosen = found[believed[found].argmax()] if len(found) else drawn[0]
            best = problem.accuracy[chosen], problem.accuracy[drawn[seen[drawn].argmax()]]
            rows.append((problem.title, noise, budget, *best, problem.accuracy[within].max(), spent))
    return pd.DataFrame(rows, columns=["problem", "noise", "budget", "shared", "random", "possible", "seconds"])


def show_budgets(results: pd.DataFrame, title: str) -> None:
    """Print how much more accurate the networks of the shared search are than the best random ones."""
    for noise, rows in results.groupby("noise"):
        gain = (rows["shared"] - rows["random"]).groupby(rows["problem"]).agg(["mean", "sem"])
        error = float(np.sqrt((gain["sem"] ** 2).sum()) / len(gain))
        print(
            f"{title}, noise {noise:g}, five budgets: shared search {rows['shared'].mean():.2f} %, best of random "
            f"draws {rows['random'].mean():.2f} %, possible {rows['possible'].mean():.2f} %; gain "
            f"{gain['mean'].mean():+.2f} points (standard error {error:.2f}); ratio of CPU seconds to searches "
            f"{rows['seconds'].mean():.1f}",
            flush=True,
        )


def show(results: pd.DataFrame, title: str) -> None:
    """Print the mean results of each strategy."""
    for (noise, trainings, name), rows in results.groupby(["noise", "trainings", "strategy"], sort=False):
        per_problem = rows.groupby("problem")["share"].agg(["mean", "sem"])
        error = float(np.sqrt((per_problem["sem"].fillna(0) ** 2).sum()) / len(per_problem))
        print(
            f"{title}, noise {noise:g}, {trainings} trainings: {name:19} strict hypervolume "
            f"{per_problem['mean'].mean():5.1f} % (standard error {error:.1f}), recall {rows['recall'].mean():4.1f} %, "
            f"IGD+ {rows['distance'].mean():.4f}, "
            f"ratio of CPU seconds to searches {rows['seconds'].mean():.1f}",
            flush=True,
        )


def synthetic_problem() -> Problem:
    """Invent accuracy and latency of every cell, for use without a table."""
    generator = np.random.default_rng(0)
    names = space().networks()
    live = live_cells(names)
    work = np.array([multiply_adds(cell) for cell in live], dtype=float)
    accuracy = 60 + 6 * np.log10(work / 7e6 + 0.01) + generator.normal(0, 2, len(names))
    latency = work / 1e7 * generator.lognormal(0, 0.4, len(names)) + 0.1
    return Problem("invented", names, accuracy, latency, features_of(live, work, latency), work)


def problems(hardware: Path | None, measured: Path | None) -> list[Problem]:
    """The tables that are given, or an invented one."""
    found = []
    if hardware:
        table = pd.read_parquet(hardware)
        cells = [str(Cell.from_benchmark(text)) for text in table["arch_str"]]
        live = live_cells(cells)
        work = np.array([multiply_adds(cell) for cell in live], dtype=float)
        for data in ("cifar10", "cifar100"):
            for device in ("raspi4", "pixel3", "fpga"):
                pair = table[f"{data}_test_acc_pct"].to_numpy(float), table[f"{device}_latency_ms"].to_numpy(float)
                features = features_of(live, work, pair[1])
                found.append(Problem(f"{data} on {device}", cells, *pair, features, work))
        if measured:
            rows = pd.read_parquet(measured)
            rows = rows[(rows["framework"] == "litert") & (rows["task"] == "cifar100")]
            rows = rows.set_index("arch_idx").loc[table["arch_idx"]]
            pair = rows["accuracy_pct"].to_numpy(float), rows["latency_ms_median"].to_numpy(float)
            features = features_of(live, work, pair[1])
            found.append(Problem("cifar100 on Pi 5 (measured)", cells, *pair, features, work))
    return found or [synthetic_problem()]


def main() -> None:
    """Print the comparison on every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hardware", type=Path, help="nasbench201_hw.parquet (NATS-Bench, HW-NAS-Bench)")
    parser.add_argument("--measured", type=Path, help="pi5_measured.parquet")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trainings", type=int, nargs="+", default=[32, 100, 300])
    parser.add_argument("--noise", action="store_true", help="also with noise of half the networks' deviation")
    parser.add_argument("--strategies", nargs="+", help="some of the strategies; default: all")
    parser.add_argument("--budgets", action="store_true", help="compare the shared search for several budgets instead")
    parser.add_argument("--draws", type=int, default=10, help="random networks per budget")
    parser.add_argument("--quick", action="store_true", help="one seed, few trainings, an invented table")
    arguments = parser.parse_args()
    seeds, budgets = (1, [24]) if arguments.quick else (arguments.seeds, arguments.trainings)
    noises = (0.0, 0.5) if arguments.noise else (0.0,)
    everything = []
    for problem in problems(arguments.hardware, arguments.measured):
        if arguments.budgets:
            found = [compare_budgets(problem, seeds, noise, arguments.draws) for noise in noises]
        else:
            chosen = arguments.strategies or list(makers(problem))
            found = [compare(problem, seeds, budget, noise, chosen) for noise in noises for budget in budgets]
        display = show_budgets if arguments.budgets else show
        display(pd.concat(found), problem.title)
        everything += found
    display(pd.concat(everything), "mean of all")


if __name__ == "__main__":
    main()
