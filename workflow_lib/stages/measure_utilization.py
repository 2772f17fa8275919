"""Measure the share of this machine's peak that one network's inference reaches, and count work per layer."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.running import run_stage
from workflow_lib.export.network_arguments import NetworkArguments
from workflow_lib.training.compute import Compute
from workflow_lib.training.inference_utilization import measure_utilization
from workflow_lib.training.training_config import TrainingConfig
from workflow_lib.training.utilization_tables import LAYERS, UTILIZATIONS

BYTES_PER_MB = 1e6


CONTRACT = 3


class UtilizationArguments(NetworkArguments):
    """Flags of the stage."""

    memory_limit_mb: float = Field(gt=0, description="maximum memory of a batch on a CPU (MB)")
    device: str = Field(default="auto", description="auto, cpu or cuda")
    precision: str = Field(default="float32", description="float32, bf16 or auto")
    channels: str = Field(description="name of the channel set")
    layers: Path = Field(description="output: operations and memory traffic of each layer")
    output: Path = Field(description="output: throughput and utilization")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = UtilizationArguments.parse(__doc__, argv)
    compute = Compute.choose(
        TrainingConfig.model_validate({"device": arguments.device, "precision": arguments.precision})
    )
    row, layers = measure_utilization(
        arguments.architecture,
        arguments.inputs,
        arguments.classes,
        arguments.chip_size_px,
        compute,
        arguments.memory_limit_mb * BYTES_PER_MB,
    )
    ids = {"channels": arguments.channels, "architecture": arguments.architecture}
    LAYERS.write(layers.assign(**ids), arguments.layers)
    UTILIZATIONS.write(pd.DataFrame([ids | row]), arguments.output)


if __name__ == "__main__":
    run_stage(main)
