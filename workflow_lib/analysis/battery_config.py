"""The configuration of simulated batteries."""

from typing import TYPE_CHECKING

from pydantic import Field

from workflow_lib.core.section import Section

if TYPE_CHECKING:
    from workflow_lib.config import Config


class BatteryConfig(Section):
    """A field device's battery, and the networks that it switches between."""

    capacity_mwh: float = Field(gt=0, description="of the battery, in terms of energy (mWh)")
    interval_s: float = Field(gt=0, description="from one inference to the next (s)")
    idle_mw: float = Field(default=0.0, ge=0, description="power that the device draws all the time (mW)")
    active_mw: float | None = Field(
        default=None,
        gt=0,
        description="power that a running network adds (mW): an inference takes this times the mean latency; null: it "
        "takes what devices of unit mJ predict",
    )
    networks: int = Field(
        default=3, ge=2, description="to switch between, at most: from the front of accuracy and energy"
    )
    hours: float | None = Field(
        default=None,
        gt=0,
        description="that the battery must last (h): networks are switched by the clock, so that the mean accuracy "
        "until then is as high as can be; null: they are switched by charge, each uses an equal part of it",
    )

    def check_within(self, config: "Config", key: str) -> None:
        """Refuse what other sections contradict; see `Section.check_within`."""
        if (self.active_mw is None) == (not config.devices_with("energy_mj")):
            raise ValueError(f"{key} needs the energy of an inference: {key}.active_mw, or else a device of unit mJ")
