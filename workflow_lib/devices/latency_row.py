"""The latency of one network on one device, as one row of LATENCIES."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments, parse_paths
from workflow_lib.core.candidate import TRAINED, Precision
from workflow_lib.devices import kind_of, parse_settings
from workflow_lib.latency.device_kind import PredictionInput
from workflow_lib.latency.latency_tables import LATENCIES


class LatencyArguments(Arguments):
    """Flags of a stage that predicts or measures one latency."""

    settings: str = Field(description="settings of the device (JSON)")
    input: list[str] = Field(description="input files of the device's kind, as NAME=FILE")
    channels: str = Field(description="name of the channel set")
    architecture: str = Field(description="architecture id")
    precision: Precision = Field(default=TRAINED, description="precision of the network")
    device: str = Field(description="name of the device")
    output: Path = Field(description="table to write (LATENCIES, one row)")


def write_latency(description: str | None, argv: Sequence[str] | None) -> None:
    """Predict or measure the latency of one network, and write it as one row of LATENCIES.

    Args:
        description: text for --help.
        argv: flags of `LatencyArguments`; None: the command line of this process.

    Raises:
        UserError: if the network cannot be predicted or measured on this device.
    """
    arguments = LatencyArguments.parse(description, argv)
    settings = parse_settings(arguments.settings)
    names = {name: getattr(arguments, name) for name in ("channels", "architecture", "precision", "device")}
    given = PredictionInput(settings=settings, files=parse_paths(arguments.input, "--input"), **names)
    row = {**names, "predictor": settings.kind, **kind_of(settings).predict(given)}  # type: ignore[attr-defined]
    LATENCIES.write(LATENCIES.complete(pd.DataFrame([row])), arguments.output)
