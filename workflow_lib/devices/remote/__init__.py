"""Devices that are reached from here: networks go to the device, and come back as measurements.

One job per device measures all networks, one after the other, and keeps each measurement as soon as it arrives. A run
that is killed continues after the last measurement. A network is measured once, however often the run is repeated,
because measurements are kept by the content of the file and the settings that affect it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field

from workflow_lib.core.section import Section
from workflow_lib.devices.measured import RUNTIME_TITLES, RuntimeName, network_file
from workflow_lib.latency.device_kind import DeviceConfig, DeviceKind, PredictionInput

if TYPE_CHECKING:
    from workflow_lib.config import Config

MODEL = "{model}"
"""What `command` replaces by the path of the network."""


class ConnectionConfig(Section):
    """How a device is reached from here."""

    by: Literal["ssh", "adb", "command"] = Field(
        default="ssh",
        description="how to reach the device. ssh: a board with Python; adb: an Android device with LiteRT's "
        "benchmark_model; command: a command of your own that prints milliseconds",
    )
    host: str = Field(default="", description="ssh: host as ssh knows it, such as pi@board; adb: serial number")
    ssh_config: str | None = Field(default=None, description="configuration file for ssh; null: that of the user")
    python: str = Field(
        default="python3", description="ssh: Python on the board, which needs numpy and onnxruntime or ai-edge-litert"
    )
    folder: str | None = Field(
        default=None,
        description="ssh and adb: folder on the device for the network that is being measured; null: /tmp/edgefront, "
        "or /data/local/tmp/edgefront for adb",
    )
    benchmark_model: str = Field(
        default="/data/local/tmp/benchmark_model", description="adb: path of LiteRT's benchmark_model on the device"
    )
    command: list[str] = Field(
        default=[],
        description=f"command: program and arguments, one of which contains {MODEL}; it prints the latency in "
        "milliseconds in its last line. It is started without a shell",
    )
    timeout_s: float = Field(default=300, gt=0, description="maximum duration of one measurement (s)")
    attempts: int = Field(
        default=3, ge=1, description="attempts at a measurement if the device cannot be reached or is too slow"
    )

    @property
    def place(self) -> str:
        """The folder on the device."""
        return self.folder or ("/data/local/tmp/edgefront" if self.by == "adb" else "/tmp/edgefront")  # noqa: S108

    @property
    def conditions(self) -> dict[str, Any]:
        """The settings that affect a measurement."""
        return self.model_dump(mode="json", exclude={"timeout_s", "attempts", "ssh_config"})

    def check_within(self, config: Config, key: str) -> None:
        """Reject settings that contradict each other; see `Section.check_within`."""
        if self.by == "ssh" and not self.host:
            raise ValueError(f"{key}.host is missing: name the board as ssh knows it, such as pi@board")
        if any(part.startswith("~") for part in (self.python, self.folder or "")):
            raise ValueError(f"{key}: ~ has no meaning here; give whole paths for python and folder")
        if self.host.startswith("-"):
            raise ValueError(f"{key}.host is {self.host!r}, which ssh would read as an option")
        if self.by == "command" and sum(MODEL in part for part in self.command) != 1:
            raise ValueError(f"{key}.command must contain {MODEL} once, in place of the path of the network")
        if self.command and self.by != "command":
            raise ValueError(f"{key}.command is used by no other way than by: command")


class RemoteConfig(DeviceConfig, ConnectionConfig):
    """A device that measures networks which are sent to it."""

    kind: Literal["remote"] = Field(
        default="remote", description="every network is sent to a device, which measures it"
    )
    runtime: RuntimeName = Field(
        default="onnxruntime", description="runtime on the device, which decides the format of the files; adb: litert"
    )
    threads: int = Field(default=1, ge=1, description="threads of the runtime on the device")
    any_precision: ClassVar[bool] = True

    @property
    def remote_device(self) -> Self:
        """The settings of the device that measures."""
        return self

    def check_within(self, config: Config, key: str) -> None:
        """Reject settings that contradict each other or other sections; see `Section.check_within`."""
        DeviceConfig.check_within(self, config, key)
        ConnectionConfig.check_within(self, config, key)
        if self.by == "adb" and self.runtime != "litert":
            raise ValueError(f"{key}.runtime is {self.runtime}, but benchmark_model runs LiteRT: set runtime: litert")


def predict(given: PredictionInput) -> Mapping[str, float | int | None]:
    """Look up the measurement of one network."""
    from workflow_lib.core.files import sha256
    from workflow_lib.devices.remote.remote_tables import REMOTE

    file = given.files["network"]
    table = REMOTE.read(given.files["measurements"]).set_index("file_sha256")
    columns = ["latency_ms", "latency_run_std_ms", "runs"]
    found: dict[str, float | int | None] = table.loc[[sha256(file)], columns].to_dict("records")[0]  # type: ignore[assignment]
    return found | {"file_bytes": file.stat().st_size}


DEVICE_KIND = DeviceKind(
    settings=RemoteConfig,
    inputs=lambda settings, precision: {
        "network": network_file(settings.runtime, precision),
        "measurements": "measure_remote/{device}.parquet",
    },
    predict=predict,
    runs=lambda name, settings: (RUNTIME_TITLES[settings.runtime], settings.host or name),
    words="A remote device measures the networks that are sent to it, one at a time.",
    is_prediction=False,
    measures_files=True,
)
