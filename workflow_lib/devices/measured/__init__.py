"""Devices whose latencies are measured: each network is timed on the machine of its job, while no other job runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from workflow_lib.core.candidate import TRAINED
from workflow_lib.latency.device_kind import DeviceConfig, DeviceKind, PredictionInput

if TYPE_CHECKING:
    from workflow_lib.config import Config
    from workflow_lib.latency.runtimes import Runtime


RuntimeName = Literal["onnxruntime", "litert"]


class HostConfig(DeviceConfig):
    """Settings of the runtime on this machine."""

    runtime: RuntimeName = Field(
        default="onnxruntime",
        description="runtime of the networks; litert (formerly TensorFlow Lite) needs the converter: make litert",
    )
    threads: int = Field(default=1, ge=1, description="threads of the runtime")
    provider: Literal["cpu", "cuda"] = Field(default="cpu", description="execution provider of ONNX Runtime")

    def check_within(self, config: Config, key: str) -> None:
        """Reject settings that contradict each other or other sections; see `Section.check_within`."""
        super().check_within(config, key)
        if self.runtime == "litert" and self.provider != "cpu":
            raise ValueError(f"{key}.provider is {self.provider}, but LiteRT runs on the CPU here: remove it")


RUNTIME_TITLES = {"onnxruntime": "ONNX Runtime", "litert": "LiteRT"}
"""Names of the runtimes in the report."""


def runs_here(_name: str, settings: HostConfig) -> tuple[str, str]:
    """Return runtime and place of networks that run on the machine of the job; see `DeviceKind.runs`."""
    place = "the GPU of the job's machine" if settings.provider == "cuda" else "the job's machine"
    return RUNTIME_TITLES[settings.runtime], f"{place}, {settings.threads} thread{'s' * (settings.threads > 1)}"


def make_runtime(settings: HostConfig) -> Runtime:
    """Return the runtime that the settings describe."""
    from workflow_lib.latency.litert_runtime import LiteRt
    from workflow_lib.latency.runtimes import OnnxRuntime

    if settings.runtime == "litert":
        return LiteRt(settings.threads)
    return OnnxRuntime(settings.threads, settings.provider)


class MeasuredConfig(HostConfig):
    """Every network is measured where its job runs."""

    kind: Literal["measured"] = Field(
        default="measured", description="every network is measured on the machine where its job runs"
    )
    any_precision: ClassVar[bool] = True


def predict(given: PredictionInput) -> Mapping[str, float | int | None]:
    """Measure one network on this machine."""
    from workflow_lib.latency.stopwatch import measure_network

    file = given.files["network"]
    return measure_network(file, make_runtime(given.settings)) | {"file_bytes": file.stat().st_size}


def network_file(runtime: str, precision: str) -> str:
    """Return the file that a runtime measures, relative to results/<run>."""
    files = {
        ("onnxruntime", True): "export_network/{channels}/{architecture}/deployed.onnx",
        ("onnxruntime", False): "convert_network/{channels}/{architecture}/PRECISION.onnx",
        ("litert", True): "export_litert/{channels}/{architecture}/fp32.tflite",
        ("litert", False): "quantize_litert/{channels}/{architecture}/PRECISION.tflite",
    }
    return files[runtime, precision == TRAINED].replace("PRECISION", precision)


DEVICE_KIND = DeviceKind(
    settings=MeasuredConfig,
    inputs=lambda settings, precision: {"network": network_file(settings.runtime, precision)},
    predict=predict,
    runs=runs_here,
    words="A measured latency is the lowest of the medians of three rounds, measured on the machine of the job.",
    is_prediction=False,
    measures_files=True,
    rule="measure_latency",
)
