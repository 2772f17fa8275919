"""Search strategies on all cells of NAS-Bench-201: the front that each finds, beside the true one, for each device.

Accuracy is tabular, latency measured or modelled by others; multiply-adds are computed from the cells. A filter trains
what is on the front of latency and utilization (multiply-adds per second), or of latency and multiply-adds, and where
that is less than wanted, on the fronts behind it; the others get as many evaluations, and pay for their own. Printed as
it comes, also where the filter loses.

Run: python benchmarks/strategies.py --table nasbench201_hw.parquet [--seeds 5] [--quick]
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import moocore
import numpy as np
import pandas as pd
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.core.spaces.nasbench201 import Cell, multiply_adds, space
from workflow_lib.pareto.dominance import front_mask
from workflow_lib.search.nni_tuners import Tuner
from workflow_lib.search.strategies import (
    Listed,
    Reinforce,
    Strategy,
    constrained_reward,
    found_front,
    front_filter,
    random,
)

DEVICES = ["raspi4_latency_ms", "pixel3_latency_ms", "fpga_latency_ms"]
BATCH, WEIGHT = 16, 0.07
Numbers = NDArray[np.float64]


def synthetic_table() -> pd.DataFrame:
    """Every cell with invented accuracy and latency, where there is no table."""
    generator = np.random.default_rng(0)
    names = space().networks()
    cells = len(names)
    work = np.array([multiply_adds(Cell.parse(name)) for name in names], dtype=float)
    table = pd.DataFrame({"cell": names, "accuracy_pct": 60 + 6 * np.log10(work / 7e6) + generator.normal(0, 2, cells)})
    return table.assign(**{device: work / 1e7 * generator.lognormal(0, 0.4, cells) for device in DEVICES})


def read_table(path: Path) -> pd.DataFrame:
    """Every cell with CIFAR-100 accuracy and the latencies."""
    table = pd.read_parquet(path)
    cells = [str(Cell.from_benchmark(text)) for text in table["arch_str"]]
    return table.assign(cell=cells, accuracy_pct=table["cifar100_test_acc_pct"])[["cell", "accuracy_pct", *DEVICES]]


def train(strategy: Strategy, rewards: dict[str, float], budget: int) -> list[str]:
    """What it trains, in rounds, until the budget is spent or it has no more."""
    trained: list[str] = []
    while len(trained) < budget:
        some = strategy.propose(min(BATCH, budget - len(trained)))
        if not some:
            break
        strategy.tell({network: rewards[network] for network in some})
        trained += some
    return trained


def hypervolume(losses: Numbers, scale: Numbers) -> float:
    """Of scaled losses, with the worst of all networks as reference."""
    low, high = scale.min(0), scale.max(0)
    return float(moocore.hypervolume((losses - low) / (high - low), ref=np.full(losses.shape[1], 1.0)))


def report(table: pd.DataFrame, device: str, seeds: int, least: int) -> None:
    """Print one line per strategy."""
    losses = np.column_stack([-table["accuracy_pct"], table[device]])
    cells = table["cell"].tolist()
    place = {cell: row for row, cell in enumerate(cells)}
    whole = hypervolume(losses[front_mask(losses)], losses)
    work = np.array([multiply_adds(Cell.parse(cell)) for cell in cells], dtype=float)
    latency = table[device].to_numpy(dtype=float)
    rewards = constrained_reward(table["accuracy_pct"].to_numpy(float), latency, float(np.median(latency)), WEIGHT)
    told = dict(zip(cells, rewards.tolist(), strict=True))
    filters = {
        "filter": np.column_stack([latency, -work / latency]),
        "flops": np.column_stack([latency, -work]),
    }
    print(f"{device}: {len(cells)} cells, true front of {int(front_mask(losses).sum())}")
    for name, proxies in filters.items():
        chosen = front_filter(cells, proxies, least).propose(len(cells))
        first, budget = int(front_mask(proxies).sum()), len(chosen)
        print(f"  {name}: {first} cells on its front; {budget} evaluations for each")
        runs: dict[str, Callable[[int], Strategy]] = {
            name: lambda _, chosen=chosen: Listed(chosen),
            "random": lambda seed: random(space(), seed),
            "reinforce": lambda seed: Reinforce(space(), seed),
            "evolution": lambda seed: Tuner(space(), "evolution", seed),
            "tpe": lambda seed: Tuner(space(), "tpe", seed),
        }
        for kind, make in runs.items():
            shares, volumes, counts = [], [], []
            for seed in range(1 if kind == name else seeds):
                trained = np.array([place[cell] for cell in train(make(seed), told, budget)])
                share, found = found_front(losses, trained)
                shares.append(share)
                volumes.append(hypervolume(losses[found], losses) / whole)
                counts.append(len(trained))
            spread = f" (std {statistics.stdev(volumes):.3f})" if len(volumes) > 1 else ""
            print(
                f"    {kind:10} {statistics.mean(counts):5.0f} trained,"
                f" front recall {100 * statistics.mean(shares):5.1f} %,"
                f" ratio of hypervolume to the true front's {statistics.mean(volumes):.3f}{spread}",
                flush=True,
            )


def main() -> None:
    """Print the comparison for each device."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, help="nasbench201_hw.parquet (NATS-Bench, HW-NAS-Bench)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--least", type=int, default=100, help="evaluations: the first fronts that hold as many")
    parser.add_argument("--quick", action="store_true", help="few cells, one seed, invented values: shows that it runs")
    arguments = parser.parse_args()
    if not arguments.quick and not arguments.table:
        sys.exit("error: --table nasbench201_hw.parquet is needed, or --quick")
    table = synthetic_table() if arguments.quick else read_table(arguments.table)
    for device in DEVICES[:1] if arguments.quick else DEVICES:
        report(table, device, 2 if arguments.quick else arguments.seeds, 20 if arguments.quick else arguments.least)


if __name__ == "__main__":
    main()
