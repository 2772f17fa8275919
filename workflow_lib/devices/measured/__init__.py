"""Devices whose latencies are measured: each network is timed on the machine of its job, while no other job runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from workflow_lib.latency.device_kind import DeviceConfig, DeviceKind, PredictionInput


class HostConfig(DeviceConfig):
    """Settings of ONNX Runtime."""

    threads: int = Field(default=1, ge=1, description="threads of ONNX Runtime")
    provider: Literal["cpu", "cuda"] = Field(default="cpu", description="execution provider of ONNX Runtime")


class MeasuredConfig(HostConfig):
    """Every network is measured where its job runs."""

    kind: Literal["measured"] = Field(
        default="measured", description="every network is measured on the machine where its job runs"
    )


def predict(given: PredictionInput) -> Mapping[str, float | int | None]:
    """Measure one network on this machine."""
    from workflow_lib.latency.host import Host, measure_network

    return measure_network(given.files["network"], Host(given.settings.threads, given.settings.provider))


DEVICE_KIND = DeviceKind(
    settings=MeasuredConfig,
    inputs={"network": "export_network/{channels}/{architecture}/deployed.onnx"},
    predict=predict,
    words="A measured latency is the lowest of the medians of three rounds, measured on the machine of the job.",
    is_measurement=True,
    rule="measure_latency",
)
