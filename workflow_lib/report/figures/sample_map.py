"""Figure of the locations where chips were cut from the scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.data.chip_tables import SAMPLES_RESULT
from workflow_lib.data.scene_paths import region_scenes, sampled_regions
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

    from workflow_lib.config import Config


def draw(figure_input: FigureInput) -> Figure:
    """Draw the samples of each region on its imagery."""
    from workflow_lib.data.scenes import overview
    from workflow_lib.report.plots.scene_plots import OVERVIEW_PX, sample_map

    samples = figure_input[SAMPLES_RESULT]
    backdrops = {
        region: overview(scenes, samples.loc[samples["region"] == region, "crs"].iloc[0], OVERVIEW_PX)
        for region, scenes in figure_input.files.items()
    }
    return sample_map(samples, backdrops)


def files(config: Config) -> Mapping[str, Sequence[str]]:
    """Return the scenes in the last folder of each region, by region."""
    return {region: region_scenes(config, region)[-1] for region in sampled_regions(config)}


FIGURE = FigureDeclaration(
    title="Locations of the samples",
    caption="Locations where chips were cut from the scenes, and points that yield no chip.",
    section="samples",
    draw=draw,
    reads=(SAMPLES_RESULT,),
    files=files,
    position=1,
)
