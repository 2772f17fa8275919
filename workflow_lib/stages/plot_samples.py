"""Draw where chips were cut, on the scenes, as PNG and PDF."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.core.tables import SAMPLES
from workflow_lib.data.scenes import overview
from workflow_lib.report.figures import sample_map, save_figures

_MOST_PX = 900


class SampleFiguresArguments(Arguments):
    """Flags of the stage."""

    scenes: dict[str, list[Path]] = Field(description="region -> the scenes to draw")
    samples: list[Path] = Field(description="samples.parquet of sample_points, of all regions")
    dpi: int = Field(default=200, description="resolution of the PNG files (dots per inch)")
    figures: list[Path] = Field(description="writes these figures")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = SampleFiguresArguments.parse(__doc__, argv)
    samples = SAMPLES.read_all(arguments.samples)
    backdrops = {
        region: overview(files, samples.loc[samples["region"] == region, "crs"].iloc[0], _MOST_PX)
        for region, files in arguments.scenes.items()
    }
    save_figures(arguments.figures, arguments.dpi, lambda _: sample_map(samples, backdrops))


if __name__ == "__main__":
    run_stage(main)
