"""Choose where a region's chips are cut: at labelled points and at random points."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.chip_samples import Region, describe_dropped, sample_points
from workflow_lib.data.chip_tables import SAMPLES
from workflow_lib.data.data_config import ClipConfig, RasterFolder

CONTRACT = 2


class SampleArguments(Arguments):
    """Flags of the stage."""

    clip: ClipConfig
    region: str = Field(description="name of the region")
    folders: list[RasterFolder] = Field(description="raster folders of the region, each with its scene files")
    file: Path = Field(description="file of the region's labelled points")
    classes: list[str] = Field(description="class names")
    chip_size_px: int = Field(description="height and width of a chip (pixels)")
    nodata: list[float] = Field(
        default=[], description="values treated as nodata, in addition to those that the scenes declare"
    )
    max_nodata_pct: float = Field(description="maximum share of nodata pixels in any band of a chip (percent)")
    seed: int = Field(description="base seed of the run")
    output: list[Path] = Field(description="output: the samples, and why some yield no chip (.parquet, .csv)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = SampleArguments.parse(__doc__, argv)
    with ExitStack() as stack:
        region = Region.open(arguments.folders, arguments.clip, arguments.chip_size_px, stack, arguments.nodata)
        seed = derive_seed(arguments.seed, "sample_points", arguments.region)
        samples = sample_points(
            region,
            arguments.file,
            arguments.clip,
            arguments.classes,
            arguments.max_nodata_pct,
            seed,
            arguments.clip.points_layer.get(arguments.region),
        )
    for line in describe_dropped(samples, arguments.classes):
        print(f"warning: sample_points: region {arguments.region}: no chip for {line}", file=sys.stderr, flush=True)
    for path in arguments.output:
        SAMPLES.write(samples.assign(region=arguments.region), path)


if __name__ == "__main__":
    run_stage(main)
