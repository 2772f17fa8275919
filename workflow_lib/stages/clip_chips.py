"""Cut the chips around the samples of one tile of scenes."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.files import atomic_path
from workflow_lib.core.running import run_stage
from workflow_lib.data.chip_samples import Region
from workflow_lib.data.chip_tables import SAMPLES
from workflow_lib.data.clipping import clip_chips
from workflow_lib.data.data_config import ClipConfig, RasterFolder

CONTRACT = 3


class ClipArguments(Arguments):
    """Flags of the stage."""

    clip: ClipConfig
    region: str = Field(description="name of the region")
    folders: list[RasterFolder] = Field(description="raster folders of the region, each with its scene files")
    chip_size_px: int = Field(description="height and width of a chip (pixels)")
    nodata: list[float] = Field(
        default=[], description="values treated as nodata, in addition to those that the scenes declare"
    )
    samples: Path = Field(description="table of sample_points for this region")
    tile: int = Field(ge=0, description="number of the tile to clip: a scene of the first folder")
    output: Path = Field(description="output: a folder with <folder>/<class>/*.tif")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ClipArguments.parse(__doc__, argv)
    samples = SAMPLES.read(arguments.samples)
    with ExitStack() as stack, atomic_path(arguments.output) as output:
        region = Region.open(arguments.folders, arguments.clip, arguments.chip_size_px, stack, arguments.nodata)
        clip_chips(region, arguments.region, samples[samples["tile"] == arguments.tile], output)


if __name__ == "__main__":
    run_stage(main)
