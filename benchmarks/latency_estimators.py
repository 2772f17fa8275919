"""Compare estimators of latency from a cell's operations, on all cells of NAS-Bench-201 (PRP, appendix E, figure 10).

A lookup table adds one number per (edge, operation). Since the benchmark table holds latencies of whole networks, these
numbers are a least-squares fit to sampled cells. It is compared with gradient boosting and a small perceptron on the
same one-hot encoded cells. All are evaluated on unseen cells by the median and the 90 % quantile of the relative error,
Kendall's tau-b, and the time per estimate. The ratio is the boosting's median error divided by the lookup table's.

Then lookup tables that use no whole networks (`workflow_lib.latency.lookup`) are evaluated. They are filled operation
by operation, from a predictor or from measurements on this machine, and compared with the prediction or measurement of
whole networks of random cells.

Run: python benchmarks/latency_estimators.py --table nasbench201_hw.parquet [--seeds 3] [--networks 20] [--quick]
"""

import argparse
import sys
import time
import warnings
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rank_preservation import DEVICES, read_cells
from scipy.stats import kendalltau
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.devices.calibrated import CALIBRATED_DEVICES, fallback_model
from workflow_lib.export.onnx_files import export_deployed, export_for_detection
from workflow_lib.latency.kernel import FUSION_RULES
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.latency.lookup import LookupTable, measured, operations_of, predicted
from workflow_lib.latency.runtimes import OnnxRuntime
from workflow_lib.latency.stopwatch import measure_network
from workflow_lib.search.rank_preservation import membership
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton, space
from workflow_lib.spaces.nasbench201.nasbench201_module import to_module

Numbers = NDArray[np.float64]
SIZES = (100, 300, 1000, 3000)


def make(name: str, seed: int) -> TransformedTargetRegressor:
    """Make an estimator of log latency, or of latency itself for the lookup table."""
    if name == "lookup table":
        return TransformedTargetRegressor(Ridge(1e-3))
    if name == "boosting":
        regressor = HistGradientBoostingRegressor(min_samples_leaf=5, max_iter=300, random_state=seed)
    else:
        perceptron = MLPRegressor(hidden_layer_sizes=(64, 64), max_iter=600, early_stopping=True, random_state=seed)
        regressor = make_pipeline(StandardScaler(), perceptron)
    return TransformedTargetRegressor(regressor, func=np.log, inverse_func=np.exp)


def judge(members: Numbers, latency: Numbers, size: int, seed: int) -> list[dict[str, object]]:
    """Fit all estimators to the same cells and evaluate them on the others.

    Args:
        members: (cells, choices) one-hot encoding.
        latency: (cells,) latencies (ms).
        size: number of cells to fit to.
        seed: seed for choosing these cells, and of the estimators.
    """
    order = np.random.default_rng(seed).permutation(len(latency))
    seen, unseen = order[:size], order[size:]
    rows = []
    for name in ("lookup table", "boosting", "perceptron"):
        estimator = make(name, seed)
        start = time.perf_counter()
        estimator.fit(members[seen], latency[seen])
        fitted = time.perf_counter() - start
        start = time.perf_counter()
        estimated = estimator.predict(members[unseen])
        each = (time.perf_counter() - start) / len(unseen)
        errors = 100 * np.abs(estimated / latency[unseen] - 1)
        rows.append(
            {
                "cells": size, "estimator": name, "error %": np.median(errors), "90 % below": np.quantile(errors, 0.9),
                "tau-b": kendalltau(estimated, latency[unseen]).statistic, "fit s": fitted, "us each": 1e6 * each,
            }
        )  # fmt: skip
    return rows


def random_cells(count: int) -> list[str]:
    """Draw random cells without `none` edges, which leave nodes whose shapes nn-Meter cannot infer."""
    generator = np.random.default_rng(0)
    return [space().build(space().sample(generator)).replace("none", "skip") for _ in range(count)]


def compare_operations(count: int, skeleton: Skeleton) -> None:
    """Print how well sums over operations estimate the latency of whole networks."""
    networks = [to_module(name, 3, 10, skeleton) for name in random_cells(count)]
    operations = [operations_of(network, 3, 32) for network in networks]
    host = OnnxRuntime()
    with TemporaryDirectory() as folder:
        file = Path(folder, "network.onnx")

        def by_predictor(network: nn.Module, device: str) -> float:
            export_for_detection(network, 3, 32, file)
            return float(fallback_model(device).predict(detect_kernels(file, FUSION_RULES)).sum())

        def by_measurement(network: nn.Module) -> float:
            export_deployed(network, 3, 32, file)
            return float(measure_network(file, host)["latency_ms"])

        ways = {
            device: (predicted(fallback_model(device)), partial(by_predictor, device=device))
            for device in CALIBRATED_DEVICES
        } | {"this machine": (measured(host), by_measurement)}
        for name, (price, whole) in ways.items():
            start = time.perf_counter()
            table = LookupTable.fill([*chain(*operations)], price)
            filled = time.perf_counter() - start
            estimates = np.array([table.estimate(of_network) for of_network in operations])
            start = time.perf_counter()
            truth = np.array([whole(network) for network in networks])
            taken = time.perf_counter() - start
            error = 100 * np.median(np.abs(estimates / truth - 1))
            print(
                f"{name}: {len(table.prices)} operations in {filled:.1f} s, {count} networks in {taken:.1f} s; "
                f"estimate / whole {np.median(estimates / truth):.3f}, error {error:.1f} %, "
                f"tau-b {kendalltau(estimates, truth).statistic:.3f}"
            )


def main() -> None:
    """Print one table per device."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, help="nasbench201_hw.parquet (NATS-Bench, HW-NAS-Bench)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--networks", type=int, default=20)
    parser.add_argument(
        "--quick", action="store_true", help="few cells with invented values, only to check that the benchmark runs"
    )
    arguments = parser.parse_args()
    if not arguments.quick and not arguments.table:
        sys.exit("error: --table nasbench201_hw.parquet is needed, or --quick")
    warnings.simplefilter("ignore", ConvergenceWarning)
    table = read_cells(None if arguments.quick else arguments.table)
    members = membership(space(), space().networks())
    for device in DEVICES[:1] if arguments.quick else DEVICES:
        latency = table[device].to_numpy(dtype=np.float64)
        sizes, seeds = ((100,), 1) if arguments.quick else (SIZES, arguments.seeds)
        rows = [row for size in sizes for seed in range(seeds) for row in judge(members, latency, size, seed)]
        means = pd.DataFrame(rows).groupby(["cells", "estimator"], sort=False).mean()
        print(f"{device}, {len(latency)} cells, means over {seeds} seeds")
        print(means.to_string(float_format=lambda value: f"{value:.3f}"))
        largest = means.loc[sizes[-1]]["error %"]
        print(f"ratio {largest['boosting'] / largest['lookup table']:.3f} at {sizes[-1]} cells", flush=True)
    if arguments.quick:
        compare_operations(2, Skeleton(4, 1))
    else:
        compare_operations(arguments.networks, Skeleton())


if __name__ == "__main__":
    main()
