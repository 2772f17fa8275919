"""Human-readable latency prediction of any ONNX model.

Usage: `python -m workflow_lib.stages.predict_latency MODEL.onnx --device DEVICE`.
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.devices.calibrated.calibration import fit
from workflow_lib.devices.package import PackageConfig, Uncovered, fallback, read
from workflow_lib.latency.kernel import FUSION_RULES
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.latency.predictors import Predictor
from workflow_lib.latency.pricing import Prices, price_kernels, require_coverage


class ModelArguments(Arguments):
    """Flags for use by hand; the model is the positional argument."""

    model: Path = Field(description="ONNX file with fixed shapes")
    device: str = Field(description="name of the device")
    package: Path | None = Field(
        default=None, description="folder written by import_package; default: the calibrated model of the device"
    )
    uncovered: Uncovered = Field(
        default="error", description="kernels without a price: fail, count them as 0, or use the calibrated model"
    )
    breakdown: bool = Field(default=False, description="also print one line per kernel")


def describe_model(description: str | None, argv: Sequence[str]) -> str:
    """Predict one model's latency.

    Args:
        description: text for --help.
        argv: path of the model, then flags.

    Returns:
        A few lines to print.

    Raises:
        UserError: if the model cannot be read, or a kernel has no price.
    """
    arguments = ModelArguments.parse(description, ["--model", *argv])
    if arguments.package:
        predictor = read(PackageConfig(), arguments.package, arguments.device)
        rules = arguments.package / "fusion_rules.json"
    else:
        predictor, rules = fit(arguments.device), FUSION_RULES
    kernels = detect_kernels(arguments.model, rules)
    if arguments.uncovered == "error" and arguments.package:
        require_coverage({arguments.model.name: kernels}, predictor)
    prices = price_kernels(kernels, predictor, fallback(arguments.uncovered, arguments.device))
    return describe(prices, predictor, arguments.breakdown)


def describe(prices: Prices, predictor: Predictor, each_kernel: bool) -> str:
    """Describe the predicted cost of one network.

    Args:
        prices: prices of the network's kernels.
        predictor: the predictor that priced them.
        each_kernel: whether to start with one line per kernel.

    Returns:
        A few lines to print: the total, the predictor's error, and the coverage.
    """
    error = "unknown" if predictor.error_pct is None else f"{predictor.error_pct:.1f} % (median)"
    lines = [
        f"device    {predictor.device}",
        f"total     {prices.values.sum():.4g} {predictor.unit}",
        f"error     {error}",
        f"covered   {prices.covered.sum()} of {len(prices.kernels)} kernels, "
        f"{prices.covered_multiply_adds_pct:.1f} % of the multiply-adds; {prices.filled.sum()} more by the fallback",
    ]
    if each_kernel:
        table = prices.breakdown().rename(columns={"price": predictor.unit})
        lines.insert(0, table.to_string(float_format=lambda value: f"{value:.4g}") + "\n")
    return "\n".join(lines)
