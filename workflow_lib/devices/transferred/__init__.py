"""Devices that are predicted from another device: its predictions are corrected by a few measured networks.

Two devices rank networks similarly, so 10 to 50 measurements correct much of what differs: the speed, and the cost of
kernels, multiply-adds, weights and activations. The error over the number of measured networks is part of the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from workflow_lib.devices.sampled import SampledConfig, sample_runs
from workflow_lib.latency.device_kind import DeviceKind, PredictionInput

if TYPE_CHECKING:
    from workflow_lib.config import Config


class TransferredConfig(SampledConfig):
    """The predictions of another device, corrected by a few measured networks."""

    kind: Literal["transferred"] = Field(
        default="transferred", description="the predictions of another device, corrected by a few measured networks"
    )
    base: str = Field(description="the other device, one of this run; of any kind except measured and transferred")
    sample_networks: int = Field(
        default=20, ge=5, description="number of networks to measure; not used with measurements, which all count"
    )

    def check_within(self, config: Config, key: str) -> None:
        """Reject settings that contradict each other or other sections; see `Section.check_within`."""
        from workflow_lib.devices import kind_of

        super().check_within(config, key)
        base = config.devices.get(self.base)
        if base is None:
            raise ValueError(f"{key}.base is {self.base}, which is no device of this run: {', '.join(config.devices)}")
        if base.quantity != "latency_ms":
            raise ValueError(f"{key}.base is {self.base}, which predicts an energy: name a device with a latency")
        if isinstance(base, TransferredConfig) or kind_of(base).rule != "predict_latency":
            raise ValueError(f"{key}.base is {self.base}, of kind {base.kind}: name a device of another kind")  # type: ignore[attr-defined]


def predict(given: PredictionInput) -> Mapping[str, float | int | None]:
    """Correct the other device's prediction of one network."""
    from workflow_lib.devices.transferred.correction import Correction, describe_network
    from workflow_lib.latency.latency_tables import KERNELS, LATENCIES
    from workflow_lib.latency.pricing import to_kernels

    base_ms = float(LATENCIES.read(given.files["base"])["latency_ms"].iloc[0])
    correction = Correction.read(given.files["correction"])
    features = describe_network(base_ms, to_kernels(KERNELS.read(given.files["kernels"])))
    return {
        "latency_ms": float(correction.predict(features[None])[0]),
        "predictor_error_pct": correction.error_pct,
    }


DEVICE_KIND = DeviceKind(
    settings=TransferredConfig,
    inputs=lambda settings, precision: {
        "base": f"predict_latency/{{channels}}/{{architecture}}/{{precision}}/{settings.base}.parquet",
        "kernels": "detect_kernels/{channels}/{architecture}/plain.parquet",
        "correction": "transfer_predictor/{device}.json",
    },
    predict=predict,
    runs=sample_runs,
    words="A transferred predictor corrects the predictions of another device by some measured networks. Its error is "
    "that of networks left out of the correction (cross-validation).",
    validation="transfer_predictor/{device}.validation.parquet",
)
