"""Generate the scenes of one area: a landscape with roads and channels, and the points where they cross."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.files import atomic_path
from workflow_lib.core.running import run_stage
from workflow_lib.data.data_config import LandscapeConfig
from workflow_lib.data.synthetic.areas import generate_landscape

CONTRACT = 1


class LandscapeArguments(Arguments):
    """Flags of the stage."""

    landscape: LandscapeConfig
    area: str = Field(description="name of the area, a key of landscape.terrain")
    seed: int = Field(description="base seed of the run")
    scenes: list[Path] = Field(description="output: elevation of all tiles, then imagery of all tiles (GeoTIFF)")
    points: Path = Field(description="output: the crossings (CSV)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = LandscapeArguments.parse(__doc__, argv)
    with ExitStack() as stack:  # all files appear together
        points, *scenes = [stack.enter_context(atomic_path(path)) for path in (arguments.points, *arguments.scenes)]
        generate_landscape(arguments.landscape, arguments.area, arguments.seed, scenes, points)


if __name__ == "__main__":
    run_stage(main)
