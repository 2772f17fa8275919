"""Compare Edgefront's latency engine with nn-Meter's own prediction: same ONNX files, one run, one thread.

Run: python benchmarks/latency_engine.py --package FOLDER --unit us [--quick]
"""

import argparse
import logging
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import onnx
import torch

from workflow_lib.export.onnx_files import export_for_detection
from workflow_lib.latency.forest_predictor import Unit
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.latency.packages import FUSION_RULES, import_package, read_package
from workflow_lib.spaces.cross import cross_architecture as cross
from workflow_lib.spaces.cross.cross_module import to_module

DEVICES = 4
CHIP_PX = 100


@dataclass
class Timings:
    """Seconds per activity."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def add(self, what: str) -> Iterator[None]:
        """Add the duration of the block to an activity."""
        start = time.perf_counter()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - start


class NnMeter:
    """nn-Meter itself, with the package's pickles loaded by scikit-learn as nn-Meter does."""

    def __init__(self, package: Path, rules: Path) -> None:
        import pickle  # the user of this benchmark trusts the package

        from nn_meter.predictor.nn_meter_predictor import nnMeterPredictor
        from nn_meter.predictor.prediction import extract_feature, predict_by_kernel

        logger = logging.getLogger("nn-Meter")
        logger.setLevel(logging.CRITICAL)
        # nn-Meter calls logging.info() per kernel, which adds a handler to the root logger; that must not be measured.
        extract_feature.logging = logger
        forests = {path.stem: pickle.loads(path.read_bytes()) for path in package.glob("*.pkl")}
        self._predictor = nnMeterPredictor(forests, str(rules))
        self._features, self._evaluate = extract_feature.get_predict_features, predict_by_kernel.predict_model

    def predict(self, network: Path) -> float:
        """Predict the latency of an ONNX file, in the package's unit."""
        return float(self._predictor.predict(str(network), "onnx"))

    def last_features(self) -> Any:
        """Return the kernel features of the last predicted network."""
        return self._features(self._predictor.kd.get_kernels())

    def evaluate(self, features: Any) -> float:
        """Predict the latency from features, in the package's unit."""
        return float(self._evaluate(features, self._predictor.kernel_predictors))


def networks(count: int) -> list[tuple[str, int]]:
    """List (architecture, channels) of CROSS's 362 networks, or of an evenly spaced part of them."""
    ids = [str(architecture) for architecture in cross.architectures(cross.CHOICES)] + [str(cross.BASELINE)]
    whole = [(identifier, channels) for identifier in ids for channels in (5, 7)]
    return [whole[round(index)] for index in np.linspace(0, len(whole) - 1, min(count, len(whole)))]


def export(architecture: str, channels: int, file: Path) -> None:
    """Write a network with its weights but without Constant operators, on which nn-Meter's converter fails.

    Args:
        architecture: architecture id.
        channels: number of input channels.
        file: ONNX file to write.
    """
    export_for_detection(to_module(architecture, channels, 2), channels, CHIP_PX, file)
    model = onnx.load(file)
    for node in [node for node in model.graph.node if node.op_type == "Constant"]:
        node.attribute[0].t.name = node.output[0]
        model.graph.initializer.append(node.attribute[0].t)
        model.graph.node.remove(node)
    onnx.save(model, file)


def run(package: Path, unit: Unit, rules: Path, count: int, scratch: Path) -> Timings:
    """Predict every network with both engines, compare the predictions, and time the parts.

    Args:
        package: folder of the nn-Meter package.
        unit: unit of the package's predictions.
        rules: fusion rules.
        count: number of networks.
        scratch: folder for temporary files.
    """
    timings = Timings()
    with timings.add("import of the package"):
        import_package(package, scratch / "package", unit)
    with timings.add("reading the package"):
        predictors = [read_package(scratch / "package") for _ in range(DEVICES)]
    with timings.add("nn-Meter: reading the package"):
        theirs = [NnMeter(package, rules) for _ in range(DEVICES)]
    expected, found = [], []
    for number, (architecture, channels) in enumerate(networks(count)):
        file = scratch / "network.onnx"
        export(architecture, channels, file)
        if not number:  # both engines import and read their rules at first use
            theirs[0].predict(file), detect_kernels(file, rules)
        for device, predictor in enumerate(theirs):
            with timings.add(f"nn-Meter: predict, device {device}"):
                latency = predictor.predict(file)
        features = theirs[0].last_features()
        with timings.add("nn-Meter: features to ms"):
            theirs[0].evaluate(features)
        with timings.add("detection"):
            found.append(detect_kernels(file, rules))
        expected.append(latency)
        kernels = [(kind, tuple(map(float, values))) for kernel in features.values() for kind, values in kernel.items()]
        if kernels != [(kernel.type, kernel.features) for kernel in found[-1]]:
            sys.exit(f"{architecture}, {channels} channels: kernels differ from nn-Meter's")
    everything = [kernel for kernels in found for kernel in kernels]
    for device, ours in enumerate(predictors):
        with timings.add(f"features to ms, device {device}"):
            prices = ours.predict(everything)
    ends = np.cumsum([len(kernels) for kernels in found])
    totals = [part.sum() for part in np.split(prices, ends[:-1])]
    scale = {"us": 1e-3}.get(unit, 1.0)
    np.testing.assert_allclose(totals, np.array(expected) * scale, rtol=1e-9)
    print(f"{len(found)} networks, {len(everything)} kernels: all kernels equal nn-Meter's, totals to 1e-9")
    return timings


def ratio(timings: Timings, theirs: list[str], ours: list[str]) -> float:
    """Return how many times longer nn-Meter takes.

    Args:
        timings: seconds per activity.
        theirs: activities of nn-Meter.
        ours: activities of Edgefront.
    """
    return sum(timings.seconds[name] for name in theirs) / sum(timings.seconds[name] for name in ours)


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", type=Path, required=True, help="folder of an nn-Meter package that you trust")
    parser.add_argument("--unit", choices=get_args(Unit), default="ms")
    parser.add_argument("--rules", type=Path, help="fusion rules; default: those of the package")
    parser.add_argument("--networks", type=int, default=362, help="number of networks, up to 362")
    parser.add_argument("--quick", action="store_true", help="6 networks")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # warnings of scikit-learn about versions
    torch.set_num_threads(1)
    rules = arguments.rules or arguments.package / FUSION_RULES
    with tempfile.TemporaryDirectory() as scratch:
        count = 6 if arguments.quick else arguments.networks
        timings = run(arguments.package, arguments.unit, rules, count, Path(scratch))
    for name, seconds in timings.seconds.items():
        print(f"{seconds:9.3f} s  {name}")
    predict = [f"nn-Meter: predict, device {device}" for device in range(DEVICES)]
    evaluate = [f"features to ms, device {device}" for device in range(DEVICES)]
    print("ratio, features to ms:", round(ratio(timings, ["nn-Meter: features to ms"], evaluate[:1]), 1))
    print("ratio, file to ms, one package:", round(ratio(timings, predict[:1], ["detection", *evaluate[:1]]), 1))
    print(f"ratio, file to ms, {DEVICES} packages:", round(ratio(timings, predict, ["detection", *evaluate]), 1))


if __name__ == "__main__":
    main()
