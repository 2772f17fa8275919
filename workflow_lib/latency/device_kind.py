"""Declaration of a kind of target device.

A new kind is one module or package in `workflow_lib/devices`, plus `rules/devices/<kind>.smk` if it needs more rules.
Planning imports every declaration, so torch, pandas and nn-Meter may be imported only inside functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from workflow_lib.core.candidate import Precision
from workflow_lib.core.section import Section

if TYPE_CHECKING:
    from pathlib import Path

    from workflow_lib.config import Config

Quantity = Literal["latency_ms", "energy_mj"]
"""A column of LATENCIES."""

_RESERVED_NAMES = ("mean", "worst", "device_std", "plain")


class DeviceConfig(Section):
    """Base class of the settings of all kinds; every kind adds a field `kind` whose only value is its name."""

    any_precision: ClassVar[bool] = False
    """Whether networks of any precision can be priced; predictors of nn-Meter's kind know only float32."""

    @property
    def quantity(self) -> Quantity:
        """Column of LATENCIES that is predicted for the device."""
        return "latency_ms"

    def check_within(self, config: Config, key: str) -> None:
        """Reject settings that contradict other sections; see `Section.check_within`."""
        if key.removeprefix("devices.") in _RESERVED_NAMES:
            raise ValueError(f"{key}: this name is reserved in tables and folders; choose another")
        if config.grid.converted and not self.any_precision:
            raise ValueError(
                f"{key} predicts networks in fp32 only, but grid.precisions is {config.grid.precisions}: use a device "
                "of kind measured, remote, built or published"
            )


@dataclass(frozen=True)
class PredictionInput:
    """Input of the prediction of one network's latency on one device.

    Attributes:
        settings: settings of the device.
        device: name of the device.
        channels: name of the channel set.
        architecture: id of the architecture.
        precision: precision of the network.
        files: input files, by the names in `DeviceKind.inputs`.
    """

    settings: Any
    device: str
    channels: str
    architecture: str
    precision: Precision
    files: Mapping[str, Path]


@dataclass(frozen=True)
class DeviceKind:
    """One kind of device, named after its module.

    Args:
        settings: type of its section in the configuration.
        inputs: function of settings and precision that returns the files and folders that a prediction reads, by name.
            Paths are relative to results/<run> and contain the wildcards {channels}, {architecture} and {device}.
        predict: function that returns the columns of LATENCIES for one network: at least `latency_ms` or `energy_mj`.
        words: one sentence about the predictions, for the report.
        runs: function of a device's name and settings that returns the runtime of its networks and where they run, both
            for the report.
        is_prediction: whether latencies are predicted, not measured.
        measures_files: whether the run measures a file of each network, whose size is then a column.
        rule: rule that produces the latencies; differs from predict_latency if its jobs need other resources.
        default_devices: devices of this kind in a configuration that lists none.
        operation_price: function of settings, predictor path and device name that returns a function to price single
            operations (see `latency.lookup.predicted`). None if the predictor needs the networks first.
        validation: VALIDATION table written when the predictor is fitted, relative to results/<run>, with {device}
            and {precision}; empty: none.
    """

    settings: type[DeviceConfig]
    inputs: Callable[[Any, str], Mapping[str, str]]
    predict: Callable[[PredictionInput], Mapping[str, float | int | None]]
    words: str
    runs: Callable[[str, Any], tuple[str, str]]
    is_prediction: bool = True
    measures_files: bool = False
    rule: str = "predict_latency"
    default_devices: tuple[str, ...] = ()
    operation_price: Callable[[Any, Path, str], Callable[[Any], float]] | None = None
    validation: str = ""
