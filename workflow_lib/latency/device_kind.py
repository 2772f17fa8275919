"""How a kind of target device is declared; quick to import, because planning reads every declaration.

A new kind is one module or package in `workflow_lib/devices`, with `rules/devices/<kind>.smk` if it needs rules of its
own. It may import torch, pandas and nn-Meter only inside functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from workflow_lib.core.section import Section

if TYPE_CHECKING:
    from pathlib import Path

    from workflow_lib.config import Config

Quantity = Literal["latency_ms", "energy_mj"]
"""A column of LATENCIES."""

_RESERVED_NAMES = ("mean", "worst", "device_std", "plain")


class DeviceConfig(Section):
    """What the settings of all kinds have in common; every kind adds a field `kind` with its name as only value."""

    @property
    def quantity(self) -> Quantity:
        """What is predicted for the device."""
        return "latency_ms"

    def check_within(self, config: Config, key: str) -> None:
        """Refuse what other sections contradict; see `Section.check_within`."""
        if key.removeprefix("devices.") in _RESERVED_NAMES:
            raise ValueError(f"{key}: the name has a meaning in tables or folders; choose another")


@dataclass(frozen=True)
class PredictionInput:
    """What the latency of one network on one device is predicted from.

    Attributes:
        settings: those of the device.
        device: its name.
        channels: name of the channel set.
        architecture: id of the network.
        files: by the names of `DeviceKind.inputs`.
    """

    settings: Any
    device: str
    channels: str
    architecture: str
    files: Mapping[str, Path]


@dataclass(frozen=True)
class DeviceKind:
    """One kind of device; its name is that of its module.

    Args:
        settings: its section of the configuration.
        inputs: name -> file or folder that a prediction reads, below results/<run>, with the wildcards {channels},
            {architecture} and {device}.
        predict: returns the columns of LATENCIES for one network: at least `latency_ms` or `energy_mj`.
        words: one sentence about its predictions for the report.
        is_measurement: whether it measures whole networks instead of predicting them.
        rule: the rule that makes its latencies; another one than predict_latency if jobs need other resources.
        default_devices: devices of this kind in a configuration that names none.
        operation_price: settings, predictor and device -> a function that prices single operations, as
            `latency.lookup.predicted` returns it; None if the predictor exists only after the networks do.
        validation: file of VALIDATION that fitting its predictor writes, below results/<run>, with {device}; empty:
            none.
    """

    settings: type[DeviceConfig]
    inputs: Mapping[str, str]
    predict: Callable[[PredictionInput], Mapping[str, float | int | None]]
    words: str
    is_measurement: bool = False
    rule: str = "predict_latency"
    default_devices: tuple[str, ...] = ()
    operation_price: Callable[[Any, Path, str], Callable[[Any], float]] | None = None
    validation: str = ""
