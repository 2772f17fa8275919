"""Compare a surrogate search by successive halving over epochs with one of whole trainings, at the same effort.

Tables of trained networks have no early accuracies, so these are simulated: the final accuracy plus noise, which gives
a chosen correlation between early and final accuracies (after 1/9 of the epochs; half the noise after 1/3). Shares are
those of the strict hypervolume (see search.py).

Run: python benchmarks/halving.py [--hardware nasbench201_hw.parquet] [--measured pi5_measured.parquet] [--seeds 10]
     [--effort 32] [--correlations 0.95 0.8 0.6] [--quick]
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in jobs; read when NumPy is imported

import numpy as np
from search import ROUND, Numbers, Problem, problems, search

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.search.strategies.halving import HalvingConfig
from workflow_lib.search.strategy_declaration import RungInput
from workflow_lib.search.surrogate_goals import FrontGoal
from workflow_lib.search.surrogate_rungs import SurrogateByRungs
from workflow_lib.search.surrogate_search import Surrogate

HALVING = HalvingConfig()


def early_accuracies(problem: Problem, correlation: float, seed: int) -> dict[int, Numbers]:
    """Part of the epochs, as 1/n -> accuracies after it."""
    generator, deviation = np.random.default_rng(seed), problem.accuracy.std()
    noise = deviation * np.sqrt(1 / correlation**2 - 1) * generator.normal(size=len(problem.accuracy))
    return {9: problem.accuracy + noise, 3: problem.accuracy + noise / 2, 1: problem.accuracy}


def by_halving(problem: Problem, effort: int, accuracies: dict[int, Numbers], seed: int) -> list[int]:
    """Return the rows of the networks that are trained to the end."""
    rows, goal = {name: row for row, name in enumerate(problem.names)}, FrontGoal(problem.latency[:, None])
    observed: dict[int, dict[str, float]] = {}
    starts: list[Sequence[str]] = []
    for start in range(0, effort, ROUND):
        judged: dict[str, float] = {}
        for number in range(HALVING.rungs):
            first = HALVING.first_candidates(min(ROUND, effort - start))
            rung = RungInput(number, HALVING.promoted(len(judged)) if number else first, judged, observed, starts)
            surrogate = SurrogateByRungs(problem.names, problem.features, goal, rung, seed)
            names = surrogate.promote() if number else surrogate.start()
            part = HALVING.part(number)
            judged = {name: float(accuracies[part][rows[name]]) for name in names}
            observed = {**observed, part: {**observed.get(part, {}), **judged}}
            starts = starts if number else [*starts, names]
    return [rows[name] for name in observed[1]]


def main() -> None:
    """Print the comparison on every table, and the mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hardware", type=Path, help="nasbench201_hw.parquet (NATS-Bench, HW-NAS-Bench)")
    parser.add_argument("--measured", type=Path, help="pi5_measured.parquet")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--effort", type=int, default=32, help="whole trainings that would cost as much")
    parser.add_argument("--correlations", type=float, nargs="+", default=[0.95, 0.8, 0.6])
    parser.add_argument("--quick", action="store_true", help="one seed, little effort, an invented table")
    arguments = parser.parse_args()
    seeds, effort = (1, 16) if arguments.quick else (arguments.seeds, arguments.effort)
    everything: dict[float, list[tuple[float, float]]] = {}
    for problem in problems(arguments.hardware, arguments.measured):
        whole = []
        for seed in range(seeds):
            strategy = Surrogate(problem.names, problem.features, FrontGoal(problem.latency[:, None]), seed)
            trained, _ = search(problem, "surrogate", strategy, problem.accuracy, effort)
            whole.append(problem.strict_share(trained))
        for correlation in arguments.correlations:
            shares = [
                problem.strict_share(by_halving(problem, effort, early_accuracies(problem, correlation, seed), seed))
                for seed in range(seeds)
            ]
            everything.setdefault(correlation, []).extend(zip(shares, whole, strict=True))
            show(problem.title, correlation, everything[correlation][-seeds:])
    for correlation, found in everything.items():
        show("mean of all", correlation, found)


def show(title: str, correlation: float, found: Sequence[tuple[float, float]]) -> None:
    """Print mean shares; each is that by halving, and that of whole trainings."""
    halving, whole = np.mean(found, axis=0)
    error = np.std(np.subtract(*np.transpose(found)), ddof=min(1, len(found) - 1)) / len(found) ** 0.5
    print(
        f"{title}, correlation {correlation:g}: by halving {halving:.1f} % of the strict hypervolume, whole trainings "
        f"{whole:.1f} %, ratio {halving / whole:.2f} (standard error of the difference {error:.1f} points)",
        flush=True,
    )


if __name__ == "__main__":
    main()
