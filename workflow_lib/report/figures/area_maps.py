"""Figure of the recommended model's detections in whole scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.data.scene_paths import area_scenes
from workflow_lib.field.field_tables import DETECTIONS_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from workflow_lib.config import Config
    from workflow_lib.report.plots.scene_plots import Backdrop


def draw(figure_input: FigureInput) -> Figure:
    """Draw the detections of each area on its imagery, next to the probability of the target class."""
    from workflow_lib.report.plots.scene_plots import area_maps

    areas = [name.removeprefix("probability:") for name in figure_input.files if name.startswith("probability:")]
    drawn = {
        area: _read(
            figure_input.files[f"probability:{area}"][0],
            figure_input.settings["target_class"],
            figure_input.files[f"scenes:{area}"],
        )
        for area in areas
    }
    return area_maps(figure_input[DETECTIONS_RESULT], drawn)


def _read(probability: Path, target: str, scenes: Sequence[Path]) -> tuple[Backdrop, Backdrop]:
    """Read the imagery of an area and the probability of the target class."""
    import numpy as np
    import rasterio

    from workflow_lib.data.scenes import overview
    from workflow_lib.report.plots.scene_plots import OVERVIEW_PX

    with rasterio.open(probability) as raster:
        shares = np.ma.masked_invalid(raster.read([raster.descriptions.index(target) + 1]))
        bounds, crs = raster.bounds, raster.crs.to_string()
    imagery = overview(scenes, crs, OVERVIEW_PX)
    return imagery, (shares, (bounds.left, bounds.bottom, bounds.right, bounds.top))


def files(config: Config) -> Mapping[str, Sequence[str]]:
    """List the probability raster and the scenes of each area."""
    areas = config.map.areas if config.map else {}
    probabilities = {f"probability:{area}": [f"results/{config.run}/apply_model/{area}.tif"] for area in areas}
    return probabilities | {f"scenes:{area}": list(area_scenes(config, area).values())[-1] for area in areas}


FIGURE = FigureDeclaration(
    title="Detections in whole scenes",
    caption="Detections of the recommended model in whole scenes, and the probability of the target class, with one "
    "pixel per window.",
    section="map",
    draw=draw,
    reads=(DETECTIONS_RESULT,),
    settings=("target_class",),
    files=files,
    position=1,
)
