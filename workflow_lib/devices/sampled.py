"""Settings of the kinds that learn from measurements of a sample: made here, on a remote device, or given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from workflow_lib.devices.measured import HostConfig, runs_here
from workflow_lib.devices.remote import ConnectionConfig, RemoteConfig

if TYPE_CHECKING:
    from workflow_lib.config import Config
    from workflow_lib.core.candidate import Precision

PRECISION = "{precision}"
"""What `measurements` replaces by the precision."""


class SampledConfig(HostConfig):
    """Where the measurements of the sample come from; by default, from the machine where the job runs."""

    remote: ConnectionConfig | None = Field(
        default=None,
        description="a device reached from here that measures the sample, with the keys of kind: remote; null: none",
    )
    measurements: str | None = Field(
        default=None,
        description="CSV of latencies measured elsewhere (columns model and latency_ms); with several precisions, its "
        f"path contains {PRECISION}; null: none",
    )

    @property
    def remote_device(self) -> RemoteConfig:
        """The settings of the device that measures the sample.

        Raises:
            AttributeError: if there is none.
        """
        return RemoteConfig(runtime=self.runtime, threads=self.threads, **self.remote.model_dump())  # type: ignore[union-attr]

    def measurements_of(self, precision: Precision) -> str | None:
        """Return the file of given measurements of networks in a precision."""
        return self.measurements and self.measurements.replace(PRECISION, precision)

    def check_within(self, config: Config, key: str) -> None:
        """Reject settings that contradict each other or other sections; see `Section.check_within`."""
        super().check_within(config, key)
        if self.remote:
            self.remote.check_within(config, f"{key}.remote")
            self.remote_device.check_within(config, key)
        if self.remote and self.measurements:
            raise ValueError(f"{key}.measurements are given, so {key}.remote is not used: remove one")
        if self.remote and self.provider != "cpu":
            raise ValueError(f"{key}.provider is for measurements here, but {key}.remote measures: remove it")
        if self.measurements and config.grid.converted and PRECISION not in self.measurements:
            raise ValueError(
                f"{key}.measurements is one file, but grid.precisions is {config.grid.precisions}: write {PRECISION} "
                f"in its name, such as phone_{PRECISION}.csv"
            )


def sample_runs(name: str, settings: SampledConfig) -> tuple[str, str]:
    """Return runtime and place of the measured sample; see `DeviceKind.runs`."""
    runtime, place = runs_here(name, settings)
    if settings.remote:
        return runtime, settings.remote.host or name
    return runtime, "where it was measured" if settings.measurements else place
