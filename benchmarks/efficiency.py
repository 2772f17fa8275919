"""Compare our relative efficiency of many noisy models with a plain loop over scipy.optimize.linprog, in one run.

Models come from `correlated_costs`: five costs that grow with a hidden size, and an output that grows with it but
saturates; of 1,717 models, about 120 are non-dominated. The plain loop solves each linear programme as defined, with
all models as references. It is timed on a subset, one half before and one half after our implementation.

Run: python benchmarks/efficiency.py [--samples 200] [--measured pi5_measured.parquet] [--quick]
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linprog

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.pareto.dominance import front_mask
from workflow_lib.pareto.envelopment import relative_efficiency
from workflow_lib.pareto.stochastic import efficiency_samples

Numbers = NDArray[np.float64]


def correlated_costs(models: int, seed: int = 0) -> tuple[Numbers, Numbers]:
    """Draw five costs, (models, 5), and one output, (models, 1)."""
    random = np.random.default_rng(seed)
    size = random.normal(size=models)
    costs = np.exp(0.6 * size[:, None] + 0.08 * random.normal(size=(models, 5)))
    gains = 70 + 8 * np.tanh(0.7 * size) + random.normal(0, 1.2, models)
    return costs, gains[:, None]


def plain(costs: Numbers, gains: Numbers, models: NDArray[np.int64]) -> tuple[float, Numbers]:
    """Score some models by linprog with all models as references; return seconds and scores.

    Args:
        costs: (all models, inputs) costs.
        gains: (all models, outputs) outputs.
        models: (n,) row numbers of the models to score.
    """
    start = time.perf_counter()
    scores = []
    for model in models:
        limits = np.vstack(
            [np.column_stack([-costs[model], costs.T]), np.column_stack([np.zeros(gains.shape[1]), -gains.T])]
        )
        bounds = np.concatenate([np.zeros(costs.shape[1]), -gains[model]])
        objective, convexity = np.eye(1, len(costs) + 1)[0], np.ones((1, len(costs) + 1)) - np.eye(1, len(costs) + 1)
        scores.append(linprog(objective, limits, bounds, convexity, [1.0]).fun)
    return time.perf_counter() - start, np.array(scores)


def compare(models: int, samples: int, subset: int) -> None:
    """Print the time per score of both implementations, and their ratio.

    Args:
        models: number of models.
        samples: number of samples of the stochastic front.
        subset: number of models that the plain loop scores.
    """
    costs, gains = correlated_costs(models)
    some = np.random.default_rng(1).permutation(models)[:subset]
    front = int(front_mask(np.concatenate([costs, -gains], axis=1)).sum())
    first, start = plain(costs, gains, some[: subset // 2]), time.perf_counter()
    noise = np.full(gains.shape, 0.5)
    efficiency_samples((costs, 0.02 * costs), (gains, noise), np.array([100.0]), "variable", "input", samples, seed=2)
    ours = (time.perf_counter() - start) / (samples * models)
    second = plain(costs, gains, some[subset // 2 :])
    theirs = (first[0] + second[0]) / subset
    scores = relative_efficiency(costs, gains, "variable")
    differs = np.abs(scores[some] - np.concatenate([first[1], second[1]])).max()
    print(
        f"{models} models, 5 inputs, {front} non-dominated, {samples} samples: {1e6 * ours:.0f} us per score, linprog"
        f" {1e6 * theirs:.0f} us ({subset} of them); ratio {theirs / ours:.1f}; scores differ by {differs:.0e} at most",
        flush=True,
    )


def score_measured(path: Path) -> None:
    """Print the time to score all distinct NAS-Bench-201 cells by their measurements on a Raspberry Pi 5."""
    table = pd.read_parquet(path)
    table = table[(table["task"] == "cifar100") & (table["arch_idx"] == table["rep_arch_idx"])]
    wide = table.pivot(index="arch_idx", columns="framework", values=["latency_ms_median", "energy_mj"])
    gains = table.groupby("arch_idx")["accuracy_pct"].first().to_numpy()[:, None]
    for returns in ("variable", "constant"):
        start = time.perf_counter()
        scores = relative_efficiency(wide.to_numpy(), gains, returns)
        seconds = time.perf_counter() - start
        print(
            f"{len(wide)} cells, {wide.shape[1]} inputs, {returns} returns: {seconds:.1f} s;"
            f" {int((scores >= 1 - 1e-6).sum())} are efficient, the median is at {100 * np.median(scores):.1f} %"
        )


def main() -> None:
    """Print the comparison for two sizes, and the scores of measured cells if given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--measured", type=Path, help="pi5_measured.parquet of HW-NAS-Bench-360")
    parser.add_argument("--quick", action="store_true", help="few models, only to check that the benchmark runs")
    arguments = parser.parse_args()
    if arguments.quick:
        compare(60, 2, 6)
        return
    compare(1717, arguments.samples, 60)
    compare(10_000, 2, 20)
    if arguments.measured:
        score_measured(arguments.measured)


if __name__ == "__main__":
    main()
