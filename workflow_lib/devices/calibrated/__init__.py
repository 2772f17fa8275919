"""Devices for which nn-Meter published predictions; an analytic model is fitted to these predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from workflow_lib.latency.device_kind import DeviceConfig, DeviceKind, PredictionInput

if TYPE_CHECKING:
    from pathlib import Path

    from workflow_lib.config import Config
    from workflow_lib.devices.calibrated.calibrated_model import CalibratedModel
    from workflow_lib.latency.predictors import Predictor


@dataclass(frozen=True)
class PublishedDevice:
    """A device for which nn-Meter published predictions.

    Attributes:
        product: device with this processor.
        framework: runtime of the networks.
        processor: processor that ran them.
        within_10pct_pct: share of networks for which nn-Meter's own predictor is within 10 % of the measurement (%).
    """

    product: str
    framework: str
    processor: str
    within_10pct_pct: float


PUBLISHED_DEVICES = {
    "cortexA76cpu_tflite21": PublishedDevice("Pixel4", "TFLite v2.1", "CortexA76 CPU", 99.0),
    "adreno640gpu_tflite21": PublishedDevice("Mi9", "TFLite v2.1", "Adreno 640 GPU", 99.1),
    "adreno630gpu_tflite21": PublishedDevice("Pixel3XL", "TFLite v2.1", "Adreno 630 GPU", 99.0),
    "myriadvpu_openvino2019r2": PublishedDevice("Intel Movidius NCS2", "OpenVINO2019R2", "Myriad VPU", 83.4),
}
"""Devices for which nn-Meter published predictions. Source: CROSS, table 2; Zhang et al. 2021 (nn-Meter)."""

CALIBRATED_DEVICES = tuple(PUBLISHED_DEVICES)


def published_runs(name: str, _settings: Any) -> tuple[str, str]:
    """Return runtime and place of a published device; unknown for other names. See `DeviceKind.runs`."""
    device = PUBLISHED_DEVICES.get(name)
    return (device.framework, f"{device.processor} ({device.product})") if device else ("unknown", "unknown")


class CalibratedConfig(DeviceConfig):
    """An analytic model fitted to nn-Meter's published predictions."""

    kind: Literal["calibrated"] = Field(
        default="calibrated", description="analytic model fitted to nn-Meter's published predictions"
    )

    def check_within(self, config: Config, key: str) -> None:
        """Reject settings that contradict other sections; see `Section.check_within`."""
        super().check_within(config, key)
        if key.removeprefix("devices.") not in CALIBRATED_DEVICES:
            raise ValueError(f"{key}: calibrated predictors exist only for {', '.join(CALIBRATED_DEVICES)}")


def read_model(path: Path) -> CalibratedModel:
    """Read a model written by calibrate_predictor.

    Raises:
        DamagedFileError: if the file is not a valid model.
    """
    from workflow_lib.core.errors import UserError
    from workflow_lib.core.sealed import DamagedFileError, read_json
    from workflow_lib.devices.calibrated.calibrated_model import CalibratedModel

    try:
        return CalibratedModel.from_dict(read_json(path))
    except DamagedFileError:
        raise
    except UserError as error:
        raise DamagedFileError(path, error.what) from None


def fallback_model(device: str) -> Predictor:
    """Return the predictor for kernels that a package does not cover, under `uncovered: calibrated`.

    nn-Meter counts kernel types that a published package lacks as 0 ms, and the calibrated model reproduces that. A
    fallback must not, so it prices these types by the terms that were fitted to the other kernels.

    Args:
        device: one of `CALIBRATED_DEVICES`.

    Returns:
        The calibrated model, with no type counted as 0 ms.

    Raises:
        UserError: if the device has no calibrated model.
    """
    from dataclasses import replace

    from workflow_lib.core.errors import UserError
    from workflow_lib.devices.calibrated.calibration import fit

    try:
        return replace(fit(device), unpriced_types=())
    except UserError as error:
        raise UserError(error.what, "uncovered: calibrated", "choose error or report for this device") from None


def predict(given: PredictionInput) -> Mapping[str, float | int | None]:
    """Predict one network as the sum of its kernels."""
    from workflow_lib.latency.latency_tables import KERNELS
    from workflow_lib.latency.predictors import checked_predictor
    from workflow_lib.latency.pricing import predict_network

    model = checked_predictor(read_model(given.files["predictor"]), given.files["predictor"], given.device)
    return predict_network(KERNELS.read(given.files["kernels"]), model)


def operation_price(_settings: Any, path: Path, device: str) -> Callable[[Any], float]:
    """Return a function that prices single operations.

    Kernel types that the model counts as 0 ms are free here too, as in the latencies of whole networks.

    Args:
        _settings: not used.
        path: model written by calibrate_predictor.
        device: name of the device.
    """
    from workflow_lib.latency.lookup import predicted
    from workflow_lib.latency.predictors import checked_predictor

    return predicted(checked_predictor(read_model(path), path, device), strict=False)


DEVICE_KIND = DeviceKind(
    settings=CalibratedConfig,
    inputs=lambda settings, precision: {
        "kernels": "detect_kernels/{channels}/{architecture}/plain.parquet",
        "predictor": "calibrate_predictor/{device}.json",
    },
    predict=predict,
    runs=published_runs,
    words="A calibrated predictor is an analytic model fitted to published predictions of nn-Meter; it is neither "
    "nn-Meter itself nor a measurement.",
    default_devices=CALIBRATED_DEVICES,
    operation_price=operation_price,
)
