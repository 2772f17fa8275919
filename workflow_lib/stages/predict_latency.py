"""Predict the latency of one network on one device.

In the workflow: from a table of kernels to a row of latencies. By hand: `MODEL.onnx --device NAME [--breakdown]`
prints what it predicts for any CNN of fixed shapes (`MODEL.onnx --help` lists the other flags).
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.config import PredictorConfig
from workflow_lib.core.running import run_stage
from workflow_lib.core.tables import KERNELS, LATENCIES
from workflow_lib.latency.calibrated import fit
from workflow_lib.latency.kernels import FUSION_RULES, detect_kernels
from workflow_lib.latency.predictors import read_predictor
from workflow_lib.latency.pricing import (
    calibrated_fallback,
    describe,
    predict_network,
    price_kernels,
    require_coverage,
    to_kernels,
)


class LatencyArguments(Arguments):
    """Flags of the stage."""

    predictor_config: PredictorConfig
    kernels: Path = Field(description="table of detect_kernels")
    predictor: Path = Field(description="predictor of the device (JSON file, or folder of import_package)")
    channels: str = Field(description="name of the channel set")
    architecture: str = Field(description="architecture id")
    device: str = Field(description="name of the device")
    output: Path = Field(description="writes the latency")


class FileArguments(Arguments):
    """Flags by hand, after the model."""

    model: Path = Field(description="ONNX file of fixed shapes")
    device: str = Field(description="name of the device")
    package: Path | None = Field(
        default=None, description="folder of import_package; none: the calibrated model of the device"
    )
    uncovered: Literal["error", "report", "calibrated"] = Field(
        default="error", description="kernels without a price: an error, counted as 0, or from the calibrated model"
    )
    breakdown: bool = Field(default=False, description="one line per kernel")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    given = sys.argv[1:] if argv is None else list(argv)
    if given and not given[0].startswith("-"):
        print(_describe(FileArguments.parse(__doc__, ["--model", *given])))
        return
    arguments = LatencyArguments.parse(__doc__, given)
    config = arguments.predictor_config
    fallback = calibrated_fallback(arguments.device) if config.uncovered == "calibrated" else None
    predictor = read_predictor(config.kind, arguments.predictor, arguments.device, config.quantity)
    row = {name: getattr(arguments, name) for name in ("channels", "architecture", "device")}
    kernels = KERNELS.read(arguments.kernels)
    if config.kind == "built" and config.uncovered == "error":
        require_coverage({arguments.architecture: to_kernels(kernels)}, predictor)
    row |= {"predictor": config.kind} | predict_network(kernels, predictor, fallback)
    LATENCIES.write(LATENCIES.complete(pd.DataFrame([row])), arguments.output)


def _describe(arguments: FileArguments) -> str:
    if arguments.package:
        predictor = read_predictor("package", arguments.package, arguments.device)
        rules = arguments.package / "fusion_rules.json"
    else:
        predictor, rules = fit(arguments.device), FUSION_RULES
    kernels = detect_kernels(arguments.model, rules)
    if arguments.uncovered == "error" and arguments.package:
        require_coverage({arguments.model.name: kernels}, predictor)
    fallback = calibrated_fallback(arguments.device) if arguments.uncovered == "calibrated" else None
    return describe(price_kernels(kernels, predictor, fallback), predictor, arguments.breakdown)


if __name__ == "__main__":
    run_stage(main)
