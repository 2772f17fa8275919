"""Custom devices: a predictor is fitted to kernels that are measured on the machine of the job, or elsewhere.

The kernels of a run's networks are measured separately, and some of its networks as a whole. The latency of a network
differs from the sum of its kernels' separate latencies, for two reasons. A kernel that is measured repeatedly finds its
weights in the cache; within a network it does not. And runtimes reorder values at the inputs and outputs of a network,
which a separate kernel pays each time. Both effects are fitted to some of the measured networks (`boundary.Boundary`);
the predictor's error is estimated on the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from workflow_lib.devices.sampled import SampledConfig, sample_runs
from workflow_lib.latency.device_kind import DeviceKind, PredictionInput


class BuiltConfig(SampledConfig):
    """Random forests fitted to measured kernels."""

    kind: Literal["built"] = Field(
        default="built", description="random forests fitted to kernels that are measured in this run"
    )
    sample_kernels: int = Field(default=200, ge=10, description="number of kernels to measure")
    sample_networks: int = Field(
        default=32, ge=0, description="number of whole networks to measure; two fifths of them calibrate the predictor"
    )
    uncovered: Literal["error", "report"] = Field(
        default="error",
        description="kernels without a forest, or with features that the forests cannot express. error: the job "
        "fails; report: they count as 0 ms, and the report lists them",
    )
    any_precision: ClassVar[bool] = True


def predict(given: PredictionInput) -> Mapping[str, float | int | None]:
    """Predict one network as the sum of its kernels."""
    from workflow_lib.latency.latency_tables import KERNELS
    from workflow_lib.latency.packages import read_package
    from workflow_lib.latency.predictors import checked_predictor
    from workflow_lib.latency.pricing import predict_network, require_coverage, to_kernels

    path = given.files["predictor"]
    predictor = checked_predictor(read_package(path), path, given.device)
    kernels = KERNELS.read(given.files["kernels"])
    if given.settings.uncovered == "error":
        require_coverage({given.architecture: to_kernels(kernels)}, predictor)
    return predict_network(kernels, predictor)


DEVICE_KIND = DeviceKind(
    settings=BuiltConfig,
    inputs=lambda settings, precision: {
        "kernels": "detect_kernels/{channels}/{architecture}/plain.parquet",
        "predictor": "build_predictor/{device}/{precision}",
    },
    predict=predict,
    runs=sample_runs,
    words="A built predictor was fitted to kernels of each precision, measured on the machine of its job, on a remote "
    "device, or elsewhere.",
    validation="build_predictor/{device}/{precision}.validation.parquet",
)
