"""How wrong is it to choose networks by the latency in another runtime? ONNX Runtime against LiteRT, on this machine.

Every network is exported for both runtimes, in float32 and int8, and measured with one thread.

Run: python benchmarks/runtimes.py [--networks 32] [--quick]
"""

import argparse
import sys
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from scipy.stats import kendalltau

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.core.candidate import Precision
from workflow_lib.export.litert_files import to_litert
from workflow_lib.export.litert_quantizer import quantize_untrained
from workflow_lib.export.onnx_files import export_deployed, perturb_tensors
from workflow_lib.export.onnx_precision import to_precision
from workflow_lib.latency.litert_runtime import LiteRt
from workflow_lib.latency.runtimes import Model, OnnxRuntime, Runtime
from workflow_lib.latency.stopwatch import measure_network
from workflow_lib.models.modules import to_module
from workflow_lib.spaces.compact import CompactConfig
from workflow_lib.spaces.grid_config import networks_of

CHANNELS, SIZE_PX = 5, 64
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")


def measure(architecture: str, folder: Path) -> dict[str, float]:
    """Latency of one network in both runtimes and both precisions (ms)."""
    torch.manual_seed(0)
    network = perturb_tensors(to_module(architecture, CHANNELS, 2)).eval()
    export_deployed(network, CHANNELS, SIZE_PX, folder / "fp32.onnx")
    chips = np.random.default_rng(0).standard_normal((2, CHANNELS, SIZE_PX, SIZE_PX), dtype=np.float32)
    to_precision(folder / "fp32.onnx", "int8", chips, folder / "int8.onnx")
    plain = to_litert(network, CHANNELS, SIZE_PX)
    files = {"fp32": plain, "int8": quantize_untrained(plain, "int8")}
    found: dict[str, float] = {}
    for precision in PRECISIONS:
        pairs: dict[str, tuple[Model, Runtime]] = {
            "onnxruntime": (folder / f"{precision}.onnx", OnnxRuntime()),
            "litert": (files[precision], LiteRt()),
        }
        for name, (model, runtime) in pairs.items():
            found[f"{name} {precision}"] = float(measure_network(model, runtime)["latency_ms"] or 0)
    return found


def main() -> None:
    """Print the agreement of the rankings, and the ratio of the latencies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=32, help="number of networks")
    parser.add_argument("--quick", action="store_true", help="only three networks")
    given = parser.parse_args()
    space = networks_of(
        CompactConfig.model_validate(
            {"name": "compact", "width": [4, 8, 12, 16, 24], "stages": [2, 3], "stride": [1, 2]}
        )
    )
    names = np.random.default_rng(1).permutation(space.networks())[: 3 if given.quick else given.networks]
    rows = []
    with TemporaryDirectory() as folder:
        for number, name in enumerate(names, start=1):
            rows.append({"network": name} | measure(str(name), Path(folder)))
            print(f"{number} of {len(names)}: {name}", file=sys.stderr, flush=True)
    table = pd.DataFrame(rows).set_index("network")
    print(table.round(3).to_string())
    for first, second in combinations(table.columns, 2):
        tau = kendalltau(table[first], table[second]).statistic
        ratio = (table[first] / table[second]).quantile([0.1, 0.5, 0.9]).tolist()
        print(
            f"{first} to {second}: tau-b {tau:.2f}; ratio of latencies {ratio[1]:.2f} "
            f"(10 % to 90 %: {ratio[0]:.2f} to {ratio[2]:.2f})"
        )


if __name__ == "__main__":
    main()
