"""The 12 networks and 4 devices for which nn-Meter published its predictions."""

import csv
import math
from importlib.resources import files

from workflow_lib.latency.kernel import Kernel

# layers.csv lists operators; batch normalization and ReLU are fused into them and have no rows.
_KERNEL_TYPES = {
    "conv": "conv-bn-relu",
    "dwconv": "dwconv-bn-relu",
    "fc": "fc",
    "pool": "maxpool",
    "add": "add",
    "concat": "concat",
    "gap": "gap",
}


def reference_kernels() -> dict[str, list[Kernel]]:
    """Return the kernels of the reference networks, as nn-Meter priced them.

    nn-Meter uses the second side of a window for both sides (`ks[1]` in its extract_feature.py): it prices a 1x7
    convolution as 7x7, and a 7x1 convolution as 1x1. These windows occur in pairs, so each gets the mean area of the
    two here. Otherwise Inception v3 would have half of the work that its published latencies include, and its
    leave-one-out error would be -33 to -48 % instead of -14 to 11 %.

    Returns:
        Kernels of each network, in the order of its layers. Their nn-Meter feature vectors are empty.

    Source: reference/layers.csv (microsoft/nn-Meter, tests/integration_test/data).
    """
    networks: dict[str, list[Kernel]] = {}
    for row in _rows("layers.csv"):
        networks.setdefault(row["model"], []).append(_kernel(row))
    return networks


def reference_latencies_ms() -> dict[str, dict[str, float]]:
    """Return the published latencies.

    Returns:
        Latency in ms for one image, by device and network.

    Source: reference/latency.csv (microsoft/nn-Meter, tests/integration_test/data).
    """
    devices: dict[str, dict[str, float]] = {}
    for row in _rows("latency.csv"):
        devices.setdefault(row["predictor"], {})[row["model"]] = float(row["latency_ms"])
    return devices


def _rows(name: str) -> list[dict[str, str]]:
    text = files("workflow_lib.devices.calibrated").joinpath("reference", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _kernel(row: dict[str, str]) -> Kernel:
    operator = row["op"]
    output_hw = int(row["output_hw"])
    in_channels, out_channels = int(row["in_channels"]), int(row["out_channels"])
    area = _priced_window_area(float(row["kernel_size"]))
    outputs = output_hw**2 * out_channels
    multiply_adds = {
        "conv": outputs * area * in_channels,
        "dwconv": outputs * area,
        "fc": float(in_channels * out_channels),
    }
    return Kernel(
        type=_KERNEL_TYPES[operator],
        features=(),
        input_hw=float(row["input_hw"]),
        output_hw=float(output_hw),
        in_channels=in_channels,
        out_channels=out_channels,
        kernel_size=math.sqrt(area),
        stride=int(row["stride"]),
        multiply_adds=multiply_adds.get(operator, 0.0),
    )


def _priced_window_area(side: float) -> float:
    """Return the window area that nn-Meter prices; a side that is not an integer stands for a pair of flat windows."""
    area = round(side**2)
    is_square = math.isqrt(area) ** 2 == area
    return float(area) if is_square else (1 + area**2) / 2
