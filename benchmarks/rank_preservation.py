"""Compare scores from architecture parameters with true Pareto ranks, on all cells of NAS-Bench-201.

The ground truth is CIFAR-10 accuracy and latency from the table. Alpha is learned from a few hundred sampled cells
(PRP, step 2). A sum of one number per choice cannot express every order; its ceiling is the better of two fits to the
true ranks of all cells (least squares and pairwise logistic). The paper reports 0.94 to 0.97 without naming the set of
cells; both are printed. The benchmark also measures what a search gains from the scores: its sample, the 100 cells with
the highest scores, and neighbours of the front found so far (one choice changed), against random search and regularized
evolution with equally many evaluations. Evolution is given the true Pareto ranks of all cells, which no real search
knows: a strong baseline.

Run: python benchmarks/rank_preservation.py --table nasbench201_hw.parquet [--seeds 5] [--quick]
"""

import argparse
import statistics
import sys
from pathlib import Path

import moocore
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.analysis.strategy_comparison import search
from workflow_lib.pareto.dominance import front_mask, pareto_ranks
from workflow_lib.search.proposers import RegularizedEvolution
from workflow_lib.search.rank_preservation import learn_ranking, membership
from workflow_lib.spaces.nasbench201.nasbench201_cell import Cell, space

DEVICES = ["raspi4_latency_ms", "pixel3_latency_ms", "fpga_latency_ms"]
EPOCHS, TOP, ROUND = 10, 100, 16
PAPER = "0.94 to 0.97, over a set that it does not name"
Numbers = NDArray[np.float64]


def read_cells(path: Path | None) -> pd.DataFrame:
    """Read accuracy and latencies of all cells, in the space's order; without a table, invent them."""
    names = space().networks()
    if path:
        table = pd.read_parquet(path)
        table.index = pd.Index([str(Cell.from_benchmark(text)) for text in table["arch_str"]])
        return table.loc[names].reset_index(names="cell").rename(columns={"cifar10_test_acc_pct": "accuracy_pct"})
    generator = np.random.default_rng(0)
    kernels = np.array([name.count("conv3") * 9 + name.count("conv1") for name in names])
    accuracy = 60 + 20 * np.log10(1 + kernels) + generator.normal(0, 3, len(names))
    latencies = {device: 1 + kernels * generator.lognormal(0, 0.2, len(names)) for device in DEVICES}
    return pd.DataFrame({"cell": names, "accuracy_pct": accuracy, **latencies})


def ceiling(members: Numbers, ranks: NDArray[np.int64], steps: int) -> dict[str, float]:
    """Compute tau of the best sums of choices, fitted to the true ranks of all cells.

    Args:
        members: (cells, choices) one-hot encoding.
        ranks: (cells,) true Pareto ranks; 0 is the front.
        steps: Adam steps of the pairwise logistic fit.
    """
    squares = np.linalg.lstsq(np.column_stack([members, np.ones(len(members))]), -ranks.astype(float), rcond=None)[0]
    generator = np.random.default_rng(0)
    logistic = squares[:-1] / np.std(members @ squares[:-1])
    first, second = np.zeros_like(logistic), np.zeros_like(logistic)
    for step in range(1, steps + 1):
        one, other = generator.integers(len(ranks), size=(2, 20_000))
        better = (members[one] - members[other]) * np.sign(ranks[other] - ranks[one])[:, None]
        gradient = -(better / (1 + np.exp(better @ logistic))[:, None]).mean(0)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        scale = np.sqrt(second / (1 - 0.999**step)) + 1e-8
        logistic -= 0.03 * (1 - step / (steps + 1)) * first / (1 - 0.9**step) / scale
    return {
        "least squares": kendalltau(members @ squares[:-1], -ranks).statistic,
        "pairwise logistic": kendalltau(members @ logistic, -ranks).statistic,
    }


def quality(losses: Numbers, rows: NDArray[np.int64]) -> dict[str, float]:
    """Score the front found: hypervolumes relative to the true front (percent), IGD+, and recall (percent).

    Args:
        losses: (cells, objectives) float array, every objective minimised.
        rows: (n,) row numbers of the evaluated cells.
    """
    front = losses[front_mask(losses)]
    found = losses[rows][front_mask(losses[rows])]
    points = {tuple(point) for point in front}
    low, spread = losses.min(0), np.ptp(losses, axis=0)
    references = {
        "hv loosest": losses.max(0),
        "hv strict": np.array([np.median(losses[:, 0]), front[:, 1].max()]),
    }

    def volume(some: Numbers, reference: Numbers) -> float:
        inside = some[(some < reference).all(1)]
        return float(moocore.hypervolume(inside, ref=reference)) if len(inside) else 0.0

    return {
        **{name: 100 * volume(found, at) / volume(front, at) for name, at in references.items()},
        "IGD+": float(moocore.igd_plus((found - low) / spread, ref=(front - low) / spread)),
        "recall": 100 * len({tuple(point) for point in found} & points) / len(points),
    }


def report(table: pd.DataFrame, device: str, samples: int, seeds: int, steps: int) -> None:
    """Print tau with its ceiling, and the fronts that the searches find.

    Args:
        table: the cells.
        device: column of the device's latency.
        samples: number of cells from which alpha is learned.
        seeds: number of repetitions.
        steps: Adam steps of the ceiling's fit.
    """
    losses = np.column_stack([-table["accuracy_pct"], table[device]])
    members = membership(space(), space().networks())
    ranks = pareto_ranks(losses)
    ceilings = ceiling(members, ranks, steps)
    best = max(ceilings.values())
    negative_ranks = dict(zip(table["cell"], (-ranks).astype(float).tolist(), strict=True))
    place = {cell: row for row, cell in enumerate(table["cell"])}
    taus, found = [], []
    for seed in range(seeds):
        generator = np.random.default_rng(seed)
        learned = learn_ranking(members, lambda rows: losses[rows], EPOCHS, samples // EPOCHS, generator)
        scores = members @ learned.alpha[-1]
        taus.append(kendalltau(scores, -ranks).statistic)
        top = np.argsort(-scores, kind="stable")[:TOP]
        seen = np.unique(np.concatenate([learned.sampled, top]))
        front = seen[front_mask(losses[seen])]
        near = [place[cell] for row in front for cell in space().neighbours(table["cell"][row])]
        local = np.unique(np.concatenate([seen, near]))
        drawn = generator.choice(len(losses), len(local), replace=False)
        evolved = search(RegularizedEvolution(space(), seed), negative_ranks, len(local), ROUND)
        ways = {
            "sample": learned.sampled,
            f"top {TOP} alone": top,
            f"sample and top {TOP}": seen,
            "and local search": local,
            "random, as many": drawn,
            "evolution, as many": np.array([place[cell] for cell in evolved]),
        }
        found += [{"way": way, "evaluated": len(rows), **quality(losses, rows)} for way, rows in ways.items()]
    spread = f" (std {statistics.stdev(taus):.4f})" if seeds > 1 else ""
    print(f"{device}: {len(losses)} cells, {ranks.max() + 1} ranks, {samples} sampled, {seeds} seeds")
    print("  ceiling of tau-b: " + ", ".join(f"{name} {tau:.4f}" for name, tau in ceilings.items()))
    share = 100 * statistics.mean(taus) / best
    print(
        f"  tau-b of P_s: {statistics.mean(taus):.4f}{spread}, ratio to the ceiling {share:.1f} % (the paper: {PAPER})"
    )
    means = pd.DataFrame(found).groupby("way", sort=False).mean()
    print("  " + means.to_string(float_format=lambda value: f"{value:.3f}").replace("\n", "\n  "), flush=True)


def main() -> None:
    """Print one report per device."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, help="nasbench201_hw.parquet (NATS-Bench, HW-NAS-Bench)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument(
        "--quick", action="store_true", help="few samples with invented values, only to check that the benchmark runs"
    )
    arguments = parser.parse_args()
    if not arguments.quick and not arguments.table:
        sys.exit("error: --table nasbench201_hw.parquet is needed, or --quick")
    table = read_cells(None if arguments.quick else arguments.table)
    for device in DEVICES[:1] if arguments.quick else DEVICES:
        if arguments.quick:
            report(table, device, 50, 1, 10)
        else:
            report(table, device, arguments.samples, arguments.seeds, 600)


if __name__ == "__main__":
    main()
