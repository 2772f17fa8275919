"""Generate synthetic drainage-crossing chips in the folder layout of CROSS."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.files import atomic_path
from workflow_lib.core.running import run_stage
from workflow_lib.data.data_config import GenerateConfig
from workflow_lib.data.synthetic.generate import generate_chips

CONTRACT = 1


class GenerateArguments(Arguments):
    """Flags of the stage."""

    generate: GenerateConfig
    chip_size_px: int = Field(default=100, ge=40, description="height and width of a chip (pixels)")
    seed: int = Field(default=42, ge=0, description="base seed of all chips")
    output: Path = Field(description="output: a folder with <region>/{DEM,Aer}/{F,T}/*.tif")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = GenerateArguments.parse(__doc__, argv)
    with atomic_path(arguments.output) as folder:
        made = arguments.generate
        generate_chips(folder, made.chips, arguments.chip_size_px, arguments.seed, made.noise)


if __name__ == "__main__":
    run_stage(main)
