"""Measure the latency of one network on the machine where this runs."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.config import PredictorConfig
from workflow_lib.core.running import run_stage
from workflow_lib.core.tables import LATENCIES
from workflow_lib.latency.host import Host, measure_network


class MeasureArguments(Arguments):
    """Flags of the stage."""

    predictor_config: PredictorConfig
    network: Path = Field(description="ONNX file of fixed shapes")
    channels: str = Field(description="name of the channel set")
    architecture: str = Field(description="architecture id")
    device: str = Field(description="name of the device")
    output: Path = Field(description="writes the latency")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = MeasureArguments.parse(__doc__, argv)
    config = arguments.predictor_config
    row = {name: getattr(arguments, name) for name in ("channels", "architecture", "device")}
    row |= {"predictor": config.kind} | measure_network(arguments.network, Host(config.threads, config.provider))
    LATENCIES.write(LATENCIES.complete(pd.DataFrame([row])), arguments.output)


if __name__ == "__main__":
    run_stage(main)
