"""Devices with an nn-Meter predictor package: random forests that were fitted elsewhere to measured kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from workflow_lib.devices.calibrated import CALIBRATED_DEVICES, published_runs
from workflow_lib.latency.device_kind import DeviceConfig, DeviceKind, PredictionInput, Quantity

if TYPE_CHECKING:
    from pathlib import Path

    from workflow_lib.config import Config
    from workflow_lib.latency.predictors import Predictor

Uncovered = Literal["error", "report", "calibrated"]


class PackageConfig(DeviceConfig):
    """The random forests of an nn-Meter predictor package."""

    kind: Literal["package"] = Field(default="package", description="random forests of an nn-Meter predictor package")
    package: str | None = Field(
        default=None,
        description="folder or zip file of the package, or a folder made by build_predictor; null: download the "
        "package that nn-Meter published",
    )
    unit: Literal["ms", "us", "mJ"] | None = Field(
        default=None,
        description="unit of the predictions; null: the unit in the package's meta.yaml. For mJ it must be given: the "
        "device then has an energy and no latency",
    )
    uncovered: Uncovered = Field(
        default="error",
        description="kernels without a forest, or with features that the forests cannot express (groups, dilation, "
        "flat windows and maps). error: the job fails; report: they count as 0 ms, and the report lists "
        "them; calibrated: the calibrated model predicts them",
    )

    @property
    def quantity(self) -> Quantity:
        """Column of LATENCIES that is predicted for the device."""
        return "energy_mj" if self.unit == "mJ" else "latency_ms"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.quantity == "energy_mj" and self.uncovered == "calibrated":
            raise ValueError("uncovered: calibrated predicts latency, but unit mJ means energy; choose error or report")
        return self

    def check_within(self, config: Config, key: str) -> None:
        """Reject settings that contradict other sections; see `Section.check_within`."""
        super().check_within(config, key)
        needs_published = self.package is None or self.uncovered == "calibrated"
        if needs_published and key.removeprefix("devices.") not in CALIBRATED_DEVICES:
            raise ValueError(f"{key}: only {', '.join(CALIBRATED_DEVICES)} have published packages and models")


def fallback(uncovered: Uncovered, device: str) -> Predictor | None:
    """Return the predictor for kernels that the package does not cover.

    Args:
        uncovered: what to do with such kernels.
        device: name of the device.

    Returns:
        The calibrated model; None if such kernels are an error or count as 0 ms.
    """
    from workflow_lib.devices.calibrated import fallback_model

    return fallback_model(device) if uncovered == "calibrated" else None


def read(settings: PackageConfig, path: Path, device: str) -> Predictor:
    """Read an imported package.

    Args:
        settings: settings of the device.
        path: folder written by import_package.
        device: name of the device; the package must be for it.

    Returns:
        The predictor.

    Raises:
        UserError: if the package is damaged, is for another device, or predicts another quantity.
    """
    from workflow_lib.latency.packages import read_package
    from workflow_lib.latency.predictors import checked_predictor

    return checked_predictor(read_package(path), path, device, settings.quantity)


def predict(given: PredictionInput) -> Mapping[str, float | int | None]:
    """Predict one network as the sum of its kernels."""
    from workflow_lib.latency.latency_tables import KERNELS
    from workflow_lib.latency.pricing import predict_network

    predictor = read(given.settings, given.files["predictor"], given.device)
    kernels = KERNELS.read(given.files["kernels"])
    return predict_network(kernels, predictor, fallback(given.settings.uncovered, given.device))


def operation_price(settings: Any, path: Path, device: str) -> Callable[[Any], float]:
    """Return a function that prices single operations, using the package's own fusion rules.

    Args:
        settings: settings of the device.
        path: folder written by import_package.
        device: name of the device.
    """
    from workflow_lib.latency.lookup import predicted

    return predicted(
        read(settings, path, device),
        fusion_rules=path / "fusion_rules.json",
        fallback=fallback(settings.uncovered, device),
        strict=settings.uncovered == "error",
    )


DEVICE_KIND = DeviceKind(
    settings=PackageConfig,
    inputs=lambda settings, precision: {
        "kernels": "detect_kernels/{channels}/{architecture}/{device}.parquet",
        "predictor": "import_package/{device}",
        "coverage": "check_coverage/{device}.parquet",
    },
    predict=predict,
    runs=published_runs,
    words="A package is a set of random forests that were fitted elsewhere to measured kernels.",
    operation_price=operation_price,
)
