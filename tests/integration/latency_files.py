"""Small, valid files of the latency stages, for tests to break."""

from pathlib import Path
from typing import Any

import pandas as pd

from workflow_lib.core.sealed import write_json
from workflow_lib.latency.latency_tables import KERNELS, LATENCIES

CONVOLUTION: dict[str, Any] = {
    "kernel": 0, "type": "conv-bn-relu", "features": [50.0, 3.0, 32.0, 3.0, 2.0], "input_hw": 50.0, "output_hw": 25.0,
    "in_channels": 3, "out_channels": 32, "kernel_size": 3.0, "stride": 2, "multiply_adds": 540_000.0,
}  # fmt: skip

PREDICTOR: dict[str, Any] = {
    "device": "cortexA76cpu_tflite21",
    "coefficients": {
        "compute_ms_per_million_multiply_adds": 0.02,
        "weights_ms_per_million": 1.0,
        "traffic_ms_per_million_activations": 0.5,
        "fc_weights_ms_per_million": 1.0,
        "depthwise_launch_ms": 0.1,
    },
    "unpriced_types": [],
    "loo_median_error_pct": 10.0,
    "provenance": "made up for a test",
}


def write_kernels(path: Path, **changes: Any) -> Path:
    KERNELS.write(pd.DataFrame([CONVOLUTION | changes]), path)
    return path


def write_predictor(path: Path, **changes: Any) -> Path:
    write_json(path, PREDICTOR | changes)
    return path


def write_latency(path: Path, device: str = "board", ms: float = 1.0) -> Path:
    row = {
        "channels": "5", "architecture": "k3-s2-p1-nopool-w32", "precision": "fp32", "device": device,
        "predictor": "calibrated", "latency_ms": ms, "predictor_error_pct": 10.0, "kernels": 40, "covered_kernels": 40,
        "filled_kernels": 0, "covered_multiply_adds_pct": 100.0,
    }  # fmt: skip
    LATENCIES.write(LATENCIES.complete(pd.DataFrame([row])), path)
    return path
