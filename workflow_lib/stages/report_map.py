"""Write the page of a map: what was found where, with pictures, and how far the scenes are from the training chips."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.files import write_text
from workflow_lib.core.running import run_stage
from workflow_lib.field.description import Description
from workflow_lib.field.field_tables import DETECTIONS, DRIFT, MAP_SCORES
from workflow_lib.report.map_page import MapResults, render_map

CONTRACT = 1


class MapPageArguments(Arguments):
    """Flags of the stage."""

    area: str = Field(description="name of the area")
    description: Path = Field(description="bundle.json of the model")
    probability: Path = Field(description="probability map from apply_model")
    classes_map: Path = Field(description="map of the most probable class from apply_model")
    drift: Path = Field(description="drift.parquet of score_map")
    detections: Path = Field(description="detections.parquet of score_map")
    scores: Path = Field(description="scores.parquet of score_map")
    scenes: list[Path] = Field(description="scenes to show: the first three bands in colour, or the only one in grey")
    output: Path = Field(description="output: the page (HTML)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = MapPageArguments.parse(__doc__, argv)
    detections, scores, drift = (
        table.read(path)
        for table, path in (
            (DETECTIONS, arguments.detections), (MAP_SCORES, arguments.scores), (DRIFT, arguments.drift),
        )
    )  # fmt: skip
    page = render_map(
        MapResults(
            arguments.area,
            Description.parse(arguments.description.read_bytes(), arguments.description),
            arguments.probability,
            arguments.classes_map,
            detections[detections["area"] == arguments.area],
            scores[scores["area"] == arguments.area],
            drift[drift["area"] == arguments.area],
            arguments.scenes,
        )
    )
    write_text(arguments.output, page)


if __name__ == "__main__":
    run_stage(main)
