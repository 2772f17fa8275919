"""How many trainings of folds a search needs for 95 % of a grid's strict hypervolume: folds as fidelity, and without.

The grid is that of a finished run that trained everything, or a larger one that is simulated from it: accuracies from a
model of those that were measured, with the variances between networks and between folds that were measured. A search
is judged by what it would report: its believed front, at the mean accuracies over all folds. Strict: the reference is
the accuracy of the median candidate and the costs of the dearest front members.

Run: python benchmarks/fidelity.py [--results results/surrogate_grid] [--scenario config/scenarios/surrogate_grid.yaml]
     [--paper] [--seeds 10] [--quick]
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in jobs; read when NumPy is imported

import moocore
import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from racing import run_race

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.analysis.racing_config import RacingConfig
from workflow_lib.config import Config, parse_config
from workflow_lib.core.candidate import KEYS, TRAINED, Candidate
from workflow_lib.export.network_tables import NETWORKS
from workflow_lib.latency.latency_tables import LATENCIES
from workflow_lib.pareto.dominance import front_mask, to_losses
from workflow_lib.pareto.front_config import besides_accuracy
from workflow_lib.search.fold_effects import fold_means
from workflow_lib.search.network_costs import network_costs
from workflow_lib.search.searched_candidates import candidate_space, known_candidates
from workflow_lib.search.surrogate_folds import SurrogateByFolds
from workflow_lib.search.surrogate_goals import FrontGoal
from workflow_lib.search.surrogate_search import Surrogate, describe_candidates
from workflow_lib.training.score_tables import FOLD_SCORES

ROOT = Path(__file__).parents[1]
ENOUGH = 95  # percent of the strict hypervolume
SIMULATIONS, PAPER_LIMIT = 3, 6  # grids of the paper's size, and the share of trainings after which searches end
LEAST_ERROR = 0.2  # percent; less cannot be told from 0 with a few hundred chips
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """A grid with all its trainings: names, (n, folds) accuracies (percent), (n, m) costs, and features."""

    title: str
    names: list[str]
    accuracies: Numbers
    costs: Numbers
    features: Numbers

    @property
    def folds(self) -> int:
        """Number of folds."""
        return self.accuracies.shape[1]

    def share(self, rows: list[int]) -> float:
        """Strict hypervolume of some candidates, in percent of that of all."""
        return 100 * self._volume(rows) / self._volume(list(range(len(self.names))))

    def _volume(self, rows: list[int]) -> float:
        means = self.accuracies.mean(axis=1)
        points = np.column_stack([-means, self.costs])
        worst = points[front_mask(points)].max(axis=0)
        return float(moocore.hypervolume(points[rows], ref=[-np.median(means), *worst[1:] * (1 + 1e-9)]))


def measured_grid(config: Config, results: Path) -> tuple[Grid, pd.DataFrame]:
    """Read the grid of a finished run, and its table of costs."""
    gathered = results / "gather_table"
    scores = FOLD_SCORES.read(gathered / "fold_scores.parquet")
    costs = network_costs(NETWORKS.read(gathered / "networks.parquet"), LATENCIES.read(gathered / "latencies.parquet"))
    table = scores.pivot(index=KEYS, columns="fold", values="accuracy_pct").reset_index()
    space = candidate_space(config.grid)
    known = known_candidates(space, costs)
    joined = known.merge(table, on=KEYS)
    chosen = besides_accuracy(config.front.objectives)
    features = describe_candidates(space, joined, [each.name for each in chosen])
    accuracies = joined[list(range(config.folds.count))].to_numpy(dtype=float)
    return Grid("measured", joined["candidate"].tolist(), accuracies, to_losses(joined, chosen), features), scores


def simulated_grid(config: Config, measured: Grid, costs: pd.DataFrame, seed: int) -> Grid:
    """Simulate the trainings of a grid.

    The logarithms of the errors are drawn, so that no accuracy exceeds 100 %. Their means over folds are a Gaussian
    process over the grid's features: a trend, and bends of as much variance. The variances between networks, between
    folds, and of a fold of a network are those of the measured grid's logarithms.
    """
    generator = np.random.default_rng(seed)
    space = candidate_space(config.grid)
    known = known_candidates(space, costs)
    chosen = besides_accuracy(config.front.objectives)
    features = describe_candidates(space, known, [each.name for each in chosen])
    errors = np.log(np.maximum(100 - measured.accuracies, LEAST_ERROR))
    waves = generator.normal(size=(features.shape[1], 200)) / np.sqrt(features.shape[1])
    bends = np.cos(features @ waves + generator.uniform(0, 2 * np.pi, 200)) @ generator.normal(size=200)
    trend = features @ generator.normal(size=features.shape[1])
    means = bends / bends.std() + trend / trend.std()
    means = errors.mean() + errors.mean(axis=1).std() * means / means.std()
    effects = errors.mean(axis=0) - errors.mean()
    noise = np.sqrt(fold_means(errors.tolist()).fold_variance)
    between = errors.mean(axis=1).std()
    print(f"logarithms of errors: standard deviation {between:.2f} between networks, {noise:.2f} of a fold")
    logs = means[:, None] + effects + generator.normal(0, noise, (len(known), measured.folds))
    accuracies = 100 - np.minimum(np.exp(logs), 100)
    return Grid("simulated", known["candidate"].tolist(), accuracies, to_losses(known, chosen), features)


def by_folds(grid: Grid, seed: int, step: int, actions: int) -> Iterator[tuple[int, list[int]]]:
    """Search with folds as fidelity; yield the number of trainings if the search ended now, and the believed front.

    They include the trainings that complete the believed front, because only candidates with all folds are reported.
    """
    strategy = SurrogateByFolds(grid.names, grid.features, FrontGoal(grid.costs), grid.folds, step, seed)
    rows, trained = {name: row for row, name in enumerate(grid.names)}, dict[int, int]()
    while proposed := strategy.propose_folds(actions):
        trained |= {rows[name]: count for name, count in proposed.items()}
        strategy.tell_folds({name: grid.accuracies[rows[name], :count].tolist() for name, count in proposed.items()})
        best = [rows[name] for name in strategy.best()]
        yield sum(trained.values()) + sum(grid.folds - trained[row] for row in best), best


def whole(grid: Grid, seed: int, actions: int, learn: bool) -> Iterator[tuple[int, list[int]]]:
    """Search with all folds of every candidate, by the surrogate or at random."""
    rows, trained = {name: row for row, name in enumerate(grid.names)}, list[int]()
    strategy = Surrogate(grid.names, grid.features, FrontGoal(grid.costs), seed)
    order = [grid.names[row] for row in np.random.default_rng(seed).permutation(len(grid.names))]
    while len(trained) < len(grid.names):
        some = strategy.propose(actions) if learn else order[len(trained) : len(trained) + actions]
        trained += [rows[name] for name in some]
        strategy.tell({name: float(grid.accuracies[rows[name]].mean()) for name in some})
        yield grid.folds * len(trained), trained


def needed(grid: Grid, search: Iterator[tuple[int, list[int]]], limit: int) -> tuple[float, float]:
    """Number of trainings until a search stays at enough of the hypervolume, and its CPU seconds."""
    start, first = time.process_time(), np.nan
    for trainings, found in search:
        if grid.share(found) < ENOUGH:
            first = np.nan
        elif np.isnan(first):
            first = trainings
        if trainings >= limit:
            break
    return first, time.process_time() - start


def compare(grid: Grid, seeds: int, limit_pct: float) -> None:
    """Print how many trainings each search needs."""
    total = grid.accuracies.size
    small = max(2, len(grid.names) // 25)
    searches = {
        "surrogate, 1 fold at a time": lambda seed: by_folds(grid, seed, 1, min(8, small * 4)),
        "surrogate, all folds": lambda seed: whole(grid, seed, min(8, small), True),
        "random, all folds": lambda seed: whole(grid, seed, min(8, small), False),
    }
    for name, make in searches.items():
        results = np.array([needed(grid, make(seed), int(limit_pct * total / 100)) for seed in range(seeds)])
        shares, reached = 100 * results[:, 0] / total, np.isfinite(results[:, 0])
        mean = f"{np.mean(shares[reached]):.1f}" if reached.any() else "-"
        print(
            f"{grid.title}, {len(grid.names)} candidates x {grid.folds} folds: {name} needs {mean} % of the trainings "
            f"for {ENOUGH} % of the strict hypervolume ({reached.sum()} of {seeds} searches reach it within "
            f"{limit_pct:g} %); ratio of CPU seconds to searches {results[:, 1].mean():.1f}",
            flush=True,
        )


def show_racing(config: Config, grid: Grid, scores: pd.DataFrame, results: Path) -> None:
    """Print how many trainings racing needs on the same grid, and what its survivors reach."""
    gathered = results / "gather_table"
    tables = NETWORKS.read(gathered / "networks.parquet"), LATENCIES.read(gathered / "latencies.parquet")
    searched = scores[~scores["architecture"].isin(config.grid.baselines)]
    left, total = run_race(config, (searched, *tables), RacingConfig(first_folds=2)), len(searched)
    counts = left.groupby(KEYS)["fold"].count()
    whole = {str(Candidate(*key)) for key, count in counts.items() if count == config.folds.count}
    share = grid.share([row for row, name in enumerate(grid.names) if name in whole])
    print(
        f"{grid.title}: racing needs {100 * len(left) / total:.1f} % of the trainings for {share:.1f} % of the strict "
        f"hypervolume; ratio of all trainings to its own {total / len(left):.2f}"
    )


def main() -> None:
    """Print the comparison on the measured grid, and on a simulated one of the paper's size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", type=Path, default=ROOT / "config" / "scenarios" / "surrogate_grid.yaml")
    parser.add_argument("--results", type=Path, help="folder results/<run> of a finished run of the scenario")
    parser.add_argument("--paper", action="store_true", help="also simulate the grid of the scenario paper")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="one seed, an invented grid")
    arguments = parser.parse_args()
    config = parse_config(yaml.safe_load(arguments.scenario.read_text()))
    if arguments.quick or not arguments.results:
        compare(invented_grid(), 1 if arguments.quick else arguments.seeds, 100)
        return
    grid, scores = measured_grid(config, arguments.results)
    compare(grid, arguments.seeds, 100)
    show_racing(config, grid, scores, arguments.results)
    if arguments.paper:
        paper = parse_config(yaml.safe_load((ROOT / "config" / "scenarios" / "paper.yaml").read_text()))
        for number in range(SIMULATIONS):
            compare(simulated_grid(paper, grid, paper_costs(paper), number), arguments.seeds, PAPER_LIMIT)


def paper_costs(config: Config) -> pd.DataFrame:
    """Costs of the paper's networks, counted; multiply-adds per millisecond stand in for the devices."""
    from workflow_lib.spaces.networks import parse

    rows = []
    for name, bands in config.grid.channel_sets.items():
        for architecture in config.architectures:
            costs = parse(architecture).costs(len(bands), len(config.data.classes), config.data.chip_size_px)
            rows.append({"channels": name, "architecture": architecture, "precision": TRAINED, **asdict(costs)})
    table = pd.DataFrame(rows)
    return table.assign(memory_bytes=4 * table["parameters"], latency_mean_ms=table["multiply_adds"] / 1e7)


def invented_grid() -> Grid:
    """A small grid with a trend, for use without a finished run."""
    generator = np.random.default_rng(0)
    features = generator.uniform(-1.5, 1.5, (40, 3))
    means = 85 + 4 * np.tanh(features[:, 0]) + 2 * features[:, 1]
    accuracies = means[:, None] + generator.normal(0, 1, (40, 5))
    costs = np.exp(features[:, :1] + generator.normal(0, 0.3, (40, 1)))
    return Grid("invented", [f"n{row}" for row in range(40)], accuracies, costs, features)


if __name__ == "__main__":
    main()
