"""Draw what a model found in whole scenes, and how well that matches true places, as PNG and PDF."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.core.tables import DETECTIONS, MAP_SCORES
from workflow_lib.data.scenes import overview
from workflow_lib.report.figures import area_maps, map_scores, save_figures
from workflow_lib.report.figures.scenes import Backdrop

_MOST_PX = 900


class MapFiguresArguments(Arguments):
    """Flags of the stage."""

    areas: dict[str, list[Path]] = Field(description="area -> the scenes to draw")
    probability: list[Path] = Field(description="GeoTIFFs of apply_model, in the areas' order")
    target: str = Field(description="class whose probability is drawn")
    detections: Path = Field(description="detections.parquet of score_map")
    scores: Path = Field(description="scores.parquet of score_map")
    dpi: int = Field(default=200, description="resolution of the PNG files (dots per inch)")
    figures: list[Path] = Field(description="writes these figures: area_maps, map_scores")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = MapFiguresArguments.parse(__doc__, argv)
    detections, scores = DETECTIONS.read(arguments.detections), MAP_SCORES.read(arguments.scores)
    areas = {
        area: _read(probability, arguments.target, scenes)
        for (area, scenes), probability in zip(arguments.areas.items(), arguments.probability, strict=True)
    }
    draw = {"map_scores": lambda: map_scores(scores), "area_maps": lambda: area_maps(detections, areas)}
    save_figures(arguments.figures, arguments.dpi, lambda name: draw[name]())


def _read(probability: Path, target: str, scenes: Sequence[Path]) -> tuple[Backdrop, Backdrop]:
    """Imagery of an area, and the probability of the class that is looked for."""
    with rasterio.open(probability) as raster:
        shares = np.ma.masked_invalid(raster.read([raster.descriptions.index(target) + 1]))
        bounds, crs = raster.bounds, raster.crs.to_string()
    imagery = overview(scenes, crs, _MOST_PX)
    return imagery, (shares, (bounds.left, bounds.bottom, bounds.right, bounds.top))


if __name__ == "__main__":
    run_stage(main)
