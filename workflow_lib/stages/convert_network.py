"""Write one network in another precision and count its costs."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from pydantic import Field

from workflow_lib.core.candidate import Precision
from workflow_lib.core.running import run_stage
from workflow_lib.export.network import convert_network
from workflow_lib.export.network_arguments import NetworkArguments
from workflow_lib.export.network_tables import NETWORKS

CONTRACT = 1


class ConvertArguments(NetworkArguments):
    """Flags of the stage."""

    channels: str = Field(description="name of the channel set")
    precision: Precision = Field(description="fp16 or int8")
    costs: list[str] = Field(default=[], description="names of the costs; only Snakemake compares them")
    paper: Path = Field(description="paper.onnx of export_network")
    detection: Path = Field(description="detection.onnx of export_network")
    converted: Path = Field(description="output: ONNX file in the precision; its size is memory_bytes")
    output: Path = Field(description="output: the costs of the network in the precision")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ConvertArguments.parse(__doc__, argv)
    torch.set_num_threads(1)
    costs = convert_network(
        arguments.architecture,
        arguments.inputs,
        arguments.classes,
        arguments.chip_size_px,
        arguments.precision,
        arguments.converted,
        arguments.paper,
        arguments.detection,
    )
    ids = {name: getattr(arguments, name) for name in ("channels", "architecture", "precision")}
    NETWORKS.write(pd.DataFrame([ids | costs]), arguments.output)


if __name__ == "__main__":
    run_stage(main)
