"""Compare the fronts that search strategies find on all cells of NAS-Bench-201 with the true front of each device.

Accuracies come from the table, latencies were measured or modelled by its authors, and multiply-adds are computed from
the cells. A filter trains the front of latency and utilization (multiply-adds per second), or of latency and
multiply-adds, and the next fronts until it has enough cells. The other strategies get equally many evaluations.
Results are printed unselected, also where the filter loses.

Run: python benchmarks/strategies.py --table nasbench201_hw.parquet [--seeds 5] [--figures FOLDER] [--quick]
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.analysis.known_space import KnownSpace
from workflow_lib.analysis.strategy_comparison import FIXED, compare_strategies
from workflow_lib.pareto.front_config import Objective
from workflow_lib.report.plots.comparison_plots import comparison_fronts, comparison_progress
from workflow_lib.report.plots.style import save_figure
from workflow_lib.report.tables import comparison_table
from workflow_lib.search.nni_tuners import Tuner
from workflow_lib.search.proposers import Reinforce, WithRandomFill, constrained_reward, front_filter, random
from workflow_lib.search.strategy_declaration import Strategy
from workflow_lib.spaces.nasbench201.nasbench201_cell import Cell, multiply_adds, space

DEVICES = ["raspi4_latency_ms", "pixel3_latency_ms", "fpga_latency_ms"]
ROUND, WEIGHT = 16, 0.07


def synthetic_table() -> pd.DataFrame:
    """Invent accuracy and latencies of every cell, for use without a table."""
    generator = np.random.default_rng(0)
    names = space().networks()
    cells = len(names)
    work = np.array([multiply_adds(Cell.parse(name)) for name in names], dtype=float)
    table = pd.DataFrame({"cell": names, "accuracy_pct": 60 + 6 * np.log10(work / 7e6) + generator.normal(0, 2, cells)})
    return table.assign(**{device: work / 1e7 * generator.lognormal(0, 0.4, cells) for device in DEVICES})


def read_table(path: Path) -> pd.DataFrame:
    """Read CIFAR-100 accuracy and latencies of every cell."""
    table = pd.read_parquet(path)
    cells = [str(Cell.from_benchmark(text)) for text in table["arch_str"]]
    return table.assign(cell=cells, accuracy_pct=table["cifar100_test_acc_pct"])[["cell", "accuracy_pct", *DEVICES]]


def compare(table: pd.DataFrame, device: str, seeds: int, least: int) -> pd.DataFrame:
    """Run each strategy on all cells for accuracy and one device's latency; return rows of COMPARISON.

    Args:
        table: the cells.
        device: column of the device's latency.
        seeds: number of repetitions of each strategy.
        least: minimum number of evaluations.
    """
    losses = np.column_stack([-table["accuracy_pct"], table[device]])
    cells = table["cell"].tolist()
    work = np.array([multiply_adds(Cell.parse(cell)) for cell in cells], dtype=float)
    latency = table[device].to_numpy(dtype=float)
    rewards = constrained_reward(table["accuracy_pct"].to_numpy(float), latency, float(np.median(latency)), WEIGHT)
    known = KnownSpace(cells, losses, dict(zip(cells, rewards.tolist(), strict=True)), np.zeros(len(cells)))
    makers: dict[str, Callable[[int], Strategy]] = {
        "filter": lambda _: front_filter(cells, np.column_stack([latency, -work / latency]), least),
        "flops": lambda _: front_filter(cells, np.column_stack([latency, -work]), least),
        "random": lambda seed: random(space(), seed),
        "reinforce": lambda seed: WithRandomFill(Reinforce(space(), seed), space(), seed),
        "evolution": lambda seed: WithRandomFill(Tuner(space(), "evolution", seed), space(), seed),
        "tpe": lambda seed: Tuner(space(), "tpe", seed),
    }
    return compare_strategies(known, makers, least, ROUND, range(seeds))


def report(comparison: pd.DataFrame) -> None:
    """Print each filter's front and those that the other strategies find with as many evaluations."""
    for name in FIXED:
        budget = int(comparison.loc[comparison["strategy"] == name, "trained"].max())
        print(f"  as many evaluations as {name} takes: {budget}")
        same = comparison[comparison["trained"] <= budget]
        for row in comparison_table(same).itertuples():
            if row.strategy == name or row.strategy not in FIXED:
                spread = "" if pd.isna(row.hypervolume_pct_std) else f" (std {row.hypervolume_pct_std:.1f})"
                print(
                    f"    {row.strategy:10} {row.trained:5.0f} trained, front recall {row.recall_pct:5.1f} %,"
                    f" hypervolume {row.hypervolume_pct:5.1f} %{spread}"
                )


def draw(table: pd.DataFrame, device: str, comparison: pd.DataFrame, folder: Path) -> None:
    """Write the figures of one device.

    Args:
        table: the cells.
        device: column of the device's latency.
        comparison: rows of COMPARISON.
        folder: folder for the figures.
    """
    objectives = [Objective(name="accuracy_pct", direction="max"), Objective(name=device, direction="min")]
    candidates = table.rename(columns={"cell": "candidate"})
    save_figure(comparison_progress(comparison), folder / f"{device}_comparison_progress.png", 150)
    save_figure(comparison_fronts(candidates, comparison, objectives), folder / f"{device}_comparison_fronts.png", 150)


def main() -> None:
    """Print the comparison for each device."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, help="nasbench201_hw.parquet (NATS-Bench, HW-NAS-Bench)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--least", type=int, default=100, help="minimum number of evaluations; filters take whole fronts up to it"
    )
    parser.add_argument("--figures", type=Path, help="folder for figures of each device")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few evaluations with invented values, only to check that the benchmark runs",
    )
    arguments = parser.parse_args()
    if not arguments.quick and not arguments.table:
        sys.exit("error: --table nasbench201_hw.parquet is needed, or --quick")
    table = synthetic_table() if arguments.quick else read_table(arguments.table)
    for device in DEVICES[:1] if arguments.quick else DEVICES:
        least = 20 if arguments.quick else arguments.least
        comparison = compare(table, device, 2 if arguments.quick else arguments.seeds, least)
        print(f"{device}: {len(table)} cells; hypervolumes as ratios to the true front's")
        report(comparison)
        if arguments.figures:
            draw(table, device, comparison, arguments.figures)


if __name__ == "__main__":
    main()
