"""One row of latencies: what a device's kind says of one network."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments, named_paths
from workflow_lib.devices import kind_of, parse_settings
from workflow_lib.latency.device_kind import PredictionInput
from workflow_lib.latency.latency_tables import LATENCIES


class LatencyArguments(Arguments):
    """Flags of a stage that predicts or measures one latency."""

    settings: str = Field(description="settings of the device (JSON)")
    input: list[str] = Field(description="what the device's kind reads, as NAME=FILE")
    channels: str = Field(description="name of the channel set")
    architecture: str = Field(description="architecture id")
    device: str = Field(description="name of the device")
    output: Path = Field(description="writes the latency")


def write_latency(description: str | None, argv: Sequence[str] | None) -> None:
    """Write one row of LATENCIES.

    Args:
        description: shown by --help.
        argv: the flags of `LatencyArguments`; None: those of this process.

    Raises:
        UserError: if the device's kind refuses the network.
    """
    arguments = LatencyArguments.parse(description, argv)
    settings = parse_settings(arguments.settings)
    row = {name: getattr(arguments, name) for name in ("channels", "architecture", "device")}
    given = PredictionInput(settings=settings, files=named_paths(arguments.input, "--input"), **row)
    row |= {"predictor": settings.kind} | dict(kind_of(settings).predict(given))  # type: ignore[attr-defined]
    LATENCIES.write(LATENCIES.complete(pd.DataFrame([row])), arguments.output)
