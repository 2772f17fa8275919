"""Write the LiteRT file of one untrained network in float32, to measure it."""

from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic import Field

from workflow_lib.core.files import atomic_path
from workflow_lib.core.running import run_stage
from workflow_lib.export.litert_files import to_litert
from workflow_lib.export.network_arguments import NetworkArguments
from workflow_lib.export.onnx_files import perturb_tensors
from workflow_lib.models.modules import to_module

CONTRACT = 1


class ExportLiteRtArguments(NetworkArguments):
    """Flags of the stage."""

    output: Path = Field(description="output: the LiteRT file")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ExportLiteRtArguments.parse(__doc__, argv)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = to_module(arguments.architecture, arguments.inputs, arguments.classes, arguments.chip_size_px)
    model = to_litert(perturb_tensors(network), arguments.inputs, arguments.chip_size_px)
    with atomic_path(arguments.output) as temporary:
        temporary.write_bytes(model)


if __name__ == "__main__":
    run_stage(main)
