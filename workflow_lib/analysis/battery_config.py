"""The configuration of the simulated battery."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from workflow_lib.core.section import Section

if TYPE_CHECKING:
    from workflow_lib.config import Config


class BatteryConfig(Section):
    """The battery of a field device, and the networks between which the device switches."""

    former_keys: ClassVar[Mapping[str, str]] = {"networks": "max_networks"}

    capacity_mwh: float = Field(gt=0, description="energy that the full battery holds (mWh)")
    interval_s: float = Field(gt=0, description="time from the start of one inference to the start of the next (s)")
    idle_mw: float = Field(default=0.0, ge=0, description="power that the device draws at all times (mW)")
    active_mw: float | None = Field(
        default=None,
        gt=0,
        description="additional power while a network runs (mW); the energy of an inference is this power times the "
        "mean latency. null: use the energy that devices of unit mJ predict",
    )
    max_networks: int = Field(
        default=3,
        ge=2,
        description="maximum number of networks to switch between; they are chosen from the front of accuracy and "
        "energy",
    )
    hours: float | None = Field(
        default=None,
        gt=0,
        description="required battery life (h): networks are switched by time so that the mean accuracy over this "
        "period is as high as possible. null: networks are switched by charge, and each uses an equal part "
        "of it",
    )

    def check_within(self, config: "Config", key: str) -> None:
        """Check this section against the others; see `Section.check_within`."""
        if (self.active_mw is None) == (not config.devices_with("energy_mj")):
            raise ValueError(
                f"{key} needs the energy of an inference: set {key}.active_mw, or configure a device of unit mJ, but "
                "not both"
            )
