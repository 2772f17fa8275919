"""Devices of your own: a predictor is fitted to kernels that are measured where the job runs, or elsewhere.

The kernels of a run's networks are measured alone, and some of its networks whole. A network takes longer or shorter
than its kernels alone: kernels that are measured repeatedly find their weights in the cache, which those of a network
do not; and runtimes reorder values at a network's edges, which each kernel pays alone. Both are fitted to some of the
whole networks (`boundary.Boundary`); the others tell the error of the predictor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from workflow_lib.devices.measured import HostConfig
from workflow_lib.latency.device_kind import DeviceKind, PredictionInput


class BuiltConfig(HostConfig):
    """Random forests fitted to measured kernels."""

    kind: Literal["built"] = Field(
        default="built", description="random forests fitted to kernels that are measured in this run"
    )
    sample_kernels: int = Field(default=200, ge=10, description="number of kernels to measure")
    sample_networks: int = Field(
        default=32, ge=0, description="number of whole networks to measure; two fifths of them calibrate the predictor"
    )
    measurements: str | None = Field(
        default=None,
        description="CSV of latencies measured elsewhere (columns model and latency_ms) for the networks in "
        "results/<run>/export_kernels/<device>; null: measure them where the job runs",
    )
    uncovered: Literal["error", "report"] = Field(
        default="error",
        description="kernels without a forest, or with features that the forests cannot express. error: the job "
        "fails; report: they count as 0 ms, and the report lists them",
    )


def predict(given: PredictionInput) -> Mapping[str, float | int | None]:
    """Add up the kernels of one network."""
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
    inputs={
        "kernels": "detect_kernels/{channels}/{architecture}/plain.parquet",
        "predictor": "build_predictor/{device}",
    },
    predict=predict,
    words="A built predictor was fitted to kernels that were measured on the machine of its job, or elsewhere if "
    "measurements were given.",
    validation="build_predictor/{device}.validation.parquet",
)
