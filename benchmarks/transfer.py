"""Predict this machine from a phone's predictor and a few networks measured here: the error over their number.

Run: python benchmarks/transfer.py [--networks 80] [--device cortexA76cpu_tflite21] [--quick]
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from scipy.stats import kendalltau

from workflow_lib.devices.calibrated import CALIBRATED_DEVICES
from workflow_lib.devices.calibrated.calibration import fit
from workflow_lib.devices.measured import MeasuredConfig, make_runtime
from workflow_lib.devices.transferred.correction import describe_network, error_over_sizes
from workflow_lib.export.onnx_files import export_deployed, export_for_detection, make_tensors_distinct
from workflow_lib.latency.kernel import FUSION_RULES, Kernel
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.latency.stopwatch import measure_networks
from workflow_lib.models.modules import to_module
from workflow_lib.models.onnx_graph import load_without_weights
from workflow_lib.spaces.cross import cross_architecture as cross

CHIP_PX = 100
CHANNELS = 5
SEED = 42


def sample(count: int) -> list[str]:
    """Choose networks of CROSS at random."""
    ids = [str(architecture) for architecture in cross.architectures(cross.CHOICES)]
    return sorted(np.random.default_rng(SEED).choice(ids, min(count, len(ids)), replace=False).tolist())


def export(architecture: str, folder: Path) -> tuple[list[Kernel], Path]:
    """Write a network for measuring; return its kernels and its file."""
    network = to_module(architecture, CHANNELS, 2)
    detection, file = folder / "detection.onnx", folder / f"{architecture}.onnx"
    export_for_detection(network, CHANNELS, CHIP_PX, detection)
    export_deployed(make_tensors_distinct(network), CHANNELS, CHIP_PX, file)
    return detect_kernels(load_without_weights(detection), FUSION_RULES), file


def main() -> None:
    """Print the errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=80, help="networks to measure")
    parser.add_argument("--device", choices=CALIBRATED_DEVICES, default=CALIBRATED_DEVICES[0])
    parser.add_argument("--quick", action="store_true", help="10 networks, only to check that the benchmark runs")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    names = sample(10 if arguments.quick else arguments.networks)
    with tempfile.TemporaryDirectory() as folder:
        made = {name: export(name, Path(folder)) for name in names}
        table = measure_networks({name: file for name, (_, file) in made.items()}, make_runtime(MeasuredConfig()))
    measured = table.set_index("model")["latency_ms"][names].to_numpy()
    model = fit(arguments.device)
    base = np.array([model.predict(kernels).sum() for kernels, _ in made.values()])
    features = np.array([describe_network(ms, kernels) for ms, (kernels, _) in zip(base, made.values(), strict=True)])
    ratios = measured / base
    scale_only = 100 * np.abs(np.median(ratios) / ratios - 1)
    print(f"{len(names)} networks of CROSS; {arguments.device} to this machine with ONNX Runtime")
    print(f"Kendall's tau of both: {kendalltau(base, measured).statistic:.2f}")
    print(f"only scaled, by all networks: median error {np.median(scale_only):.1f} %, largest {scale_only.max():.1f} %")
    errors = error_over_sizes(features, measured, SEED)
    print(errors.round(2).to_string(index=False))
    ratio = errors["error_pct"].iloc[-1] / np.median(scale_only)
    print(f"ratio, error after the most networks to only scaled: {ratio:.2f}")


if __name__ == "__main__":
    main()
