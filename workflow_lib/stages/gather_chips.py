"""Gather the chips of all tiles into the folder layout of the import."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.files import atomic_path
from workflow_lib.core.running import run_stage
from workflow_lib.data.clipping import gather_chips

CONTRACT = 1


class GatherArguments(Arguments):
    """Flags of the stage."""

    tiles: list[Path] = Field(description="folders written by clip_chips")
    folders: list[str] = Field(description="raster folders of all regions")
    classes: list[str] = Field(description="class names")
    output: Path = Field(description="output: a folder with <folder>/<class>/*.tif")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = GatherArguments.parse(__doc__, argv)
    with atomic_path(arguments.output) as output:
        gather_chips(arguments.tiles, arguments.folders, arguments.classes, output)


if __name__ == "__main__":
    run_stage(main)
