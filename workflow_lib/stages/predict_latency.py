"""Predict the latency of one network on one device."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments, run_stage
from workflow_lib.core.config import PredictorConfig
from workflow_lib.core.tables import KERNELS, LATENCIES
from workflow_lib.latency.predictors import predict_network, read_predictor


class LatencyArguments(Arguments):
    """Flags of the stage."""

    predictor_config: PredictorConfig
    kernels: Path = Field(description="table of detect_kernels")
    predictor: Path = Field(description="predictor of the device (JSON)")
    channels: str = Field(description="name of the channel set")
    architecture: str = Field(description="architecture id")
    device: str = Field(description="name of the device")
    output: Path = Field(description="writes the latency")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = LatencyArguments.parse(__doc__, argv)
    kind = arguments.predictor_config.kind
    row = {name: getattr(arguments, name) for name in ("channels", "architecture", "device")} | {"predictor": kind}
    row |= predict_network(KERNELS.read(arguments.kernels), read_predictor(kind, arguments.predictor, arguments.device))
    LATENCIES.write(pd.DataFrame([row]), arguments.output)


if __name__ == "__main__":
    run_stage(main)
