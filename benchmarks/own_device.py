"""Compare a predictor built on this machine with direct measurements of networks that it has not seen.

Run: python benchmarks/own_device.py [--kernels 200] [--networks 36] [--runtime litert] [--precision int8] [--quick]
"""

import argparse
import os
import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pandas as pd
import torch
from scipy.stats import kendalltau

from workflow_lib.core.candidate import Precision
from workflow_lib.devices.built import BuiltConfig
from workflow_lib.devices.built.fitted_predictor import fit_predictor
from workflow_lib.devices.built.kernel_choice import choose_networks, measure_space
from workflow_lib.devices.measured import make_runtime
from workflow_lib.export.onnx_files import export_deployed, export_for_detection, make_tensors_distinct, perturb_tensors
from workflow_lib.export.onnx_precision import to_precision
from workflow_lib.latency.kernel import FUSION_RULES, Kernel
from workflow_lib.latency.kernel_format import KernelFormat
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.latency.runtimes import Runtime
from workflow_lib.latency.stopwatch import Stopwatch
from workflow_lib.models.onnx_graph import load_without_weights
from workflow_lib.spaces.cross import cross_architecture as cross
from workflow_lib.spaces.cross.cross_module import to_module

CHIP_PX = 100
SEED = 42


def detect(scratch: Path, step: int) -> dict[str, list[Kernel]]:
    """Detect the kernels of every `step`-th of CROSS's architectures, for 5 and 7 channels."""
    networks = {}
    ids = [str(architecture) for architecture in cross.architectures(cross.CHOICES)] + [str(cross.BASELINE)]
    for architecture in ids[::step]:
        for channels in (5, 7):
            file = scratch / "detection.onnx"
            export_for_detection(to_module(architecture, channels, 2), channels, CHIP_PX, file)
            networks[f"{channels}_{architecture}"] = detect_kernels(load_without_weights(file), FUSION_RULES)
    return networks


def export(name: str, scratch: Path, runtime: str, precision: Precision) -> Path:
    """Write the file of a network for a runtime, in a precision."""
    channels, architecture = name.split("_")
    network = to_module(architecture, int(channels), 2)
    if runtime == "litert":
        from workflow_lib.export.litert_files import to_litert
        from workflow_lib.export.litert_quantizer import quantize_untrained

        file = scratch / f"{name}.tflite"
        model = to_litert(perturb_tensors(network), int(channels), CHIP_PX)
        file.write_bytes(model if precision == "fp32" else quantize_untrained(model, precision))
    else:
        file = scratch / f"{name}.onnx"
        export_deployed(make_tensors_distinct(network), int(channels), CHIP_PX, file)
        if precision != "fp32":
            noise = np.random.default_rng(0).standard_normal((2, int(channels), CHIP_PX, CHIP_PX), dtype=np.float32)
            to_precision(file, precision, noise, file)
    return file


def measure_again(files: dict[str, Path], host: Runtime, reference: Path, rounds: int) -> pd.Series:
    """Measure the latency of whole networks a second time, independently.

    Args:
        files: network -> file.
        host: the machine.
        reference: file that the stopwatch uses to detect drift.
        rounds: rounds over all networks.

    Returns:
        Latency per network (ms).
    """
    stopwatch = Stopwatch(host, reference)
    for _ in range(rounds):
        stopwatch.run_round({name: lambda file=file: file for name, file in files.items()}, lambda: None)
    return stopwatch.measurements().set_index("model")["latency_ms"]


def tau(measured: pd.Series, predicted: pd.Series, tolerance_pct: float) -> tuple[float, int]:
    """Compute Kendall's tau over pairs whose measured latencies differ by more than a tolerance.

    Args:
        measured: latency per network (ms).
        predicted: predicted latency per network (ms).
        tolerance_pct: minimum difference of a pair (percent).

    Returns:
        Tau, and the number of pairs.
    """
    signs = [
        np.sign(measured[a] - measured[b]) * np.sign(predicted[a] - predicted[b])
        for a, b in combinations(measured.index, 2)
        if abs(np.log(measured[a] / measured[b])) > np.log1p(tolerance_pct / 100)
    ]
    return float(np.mean(signs)), len(signs)


def main() -> None:
    """Print the errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernels", type=int, default=200, help="number of kernels measured individually")
    parser.add_argument(
        "--networks", type=int, default=36, help="number of whole networks measured; two fifths of them calibrate"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runtime", choices=("onnxruntime", "litert"), default="onnxruntime")
    parser.add_argument("--precision", choices=("fp32", "int8"), default="fp32")
    parser.add_argument(
        "--quick", action="store_true", help="20 kernels and 6 networks, only to check that the benchmark runs"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    kernels, count = (20, 6) if arguments.quick else (arguments.kernels, arguments.networks)
    runtime, precision = arguments.runtime, arguments.precision
    host = make_runtime(BuiltConfig(runtime=runtime, threads=arguments.threads))
    formats = KernelFormat.of(runtime, precision)
    with tempfile.TemporaryDirectory() as folder:
        networks = detect(Path(folder), 30 if arguments.quick else 1)
        chosen = choose_networks(list(networks), count, SEED)
        files = {name: export(name, Path(folder), runtime, precision) for name in chosen}
        reference = export(f"5_{cross.BASELINE}", Path(folder), runtime, precision)
        start = time.perf_counter()
        stopwatch = Stopwatch(host, reference)
        measurements = measure_space(networks, files, stopwatch, kernels, SEED, formats, lambda *_: None)
        measured_s = time.perf_counter() - start
        built = fit_predictor(networks, measurements, "here", SEED)
        built_s = time.perf_counter() - start
        again = measure_again(files, host, reference, 3)
    table = built.validation.set_index("network")
    unseen = table[table["use"] == "validation"]
    repeatability = float(100 * (again[unseen.index] / unseen["latency_ms"] - 1).abs().median())
    error = (unseen["predicted_ms"] / unseen["latency_ms"] - 1).abs() * 100
    bar = max(10.0, 2 * repeatability)
    tau_bar, pairs = tau(unseen["latency_ms"], unseen["predicted_ms"], bar)
    tau_all = kendalltau(unseen["latency_ms"], unseen["predicted_ms"]).statistic
    print(f"{len(networks)} networks; {kernels} kernels and {len(files)} whole networks measured in {measured_s:.0f} s")
    print(f"built in {built_s:.0f} s; the machine drifted by up to {stopwatch.drift_pct:.1f} %")
    print(f"{built.boundary}")
    print(unseen[["latency_ms", "predicted_ms"]].assign(again_ms=again, error_pct=error).round(2).to_string())
    print(f"repeatability of direct measurement, median: {repeatability:.2f} %")
    print(f"error on {len(unseen)} unseen networks: median {error.median():.2f} %, largest {error.max():.2f} %")
    print(f"Kendall's tau over {pairs} pairs that differ by more than {bar:.1f} %: {tau_bar:.3f}; all: {tau_all:.3f}")
    print(f"ratio, error to repeatability: {error.median() / max(repeatability, 1e-9):.2f}")


if __name__ == "__main__":
    main()
