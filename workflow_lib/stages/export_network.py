"""Write the ONNX files of one network and count its costs."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from pydantic import Field

from workflow_lib.core.candidate import TRAINED
from workflow_lib.core.running import run_stage
from workflow_lib.export.network import export_network
from workflow_lib.export.network_arguments import NetworkArguments
from workflow_lib.export.network_tables import NETWORKS

CONTRACT = 2


class ExportArguments(NetworkArguments):
    """Flags of the stage."""

    channels: str = Field(description="name of the channel set")
    costs: list[str] = Field(default=[], description="names of the costs; only Snakemake compares them")
    deployed: Path = Field(
        description="output: ONNX file with all tensors distinct, as deployed; its size is memory_bytes"
    )
    paper: Path = Field(description="output: ONNX file of the untrained network, whose size is paper_memory_bytes")
    detection: Path = Field(description="output: ONNX graph without weights, for kernel detection")
    output: Path = Field(description="output: the network's costs")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ExportArguments.parse(__doc__, argv)
    torch.set_num_threads(1)
    costs = export_network(
        arguments.architecture,
        arguments.inputs,
        arguments.classes,
        arguments.chip_size_px,
        arguments.deployed,
        arguments.paper,
        arguments.detection,
    )
    ids = {"channels": arguments.channels, "architecture": arguments.architecture, "precision": TRAINED}
    NETWORKS.write(pd.DataFrame([ids | costs]), arguments.output)


if __name__ == "__main__":
    run_stage(main)
