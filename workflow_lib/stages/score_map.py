"""Compare the places that a model found in whole scenes with true ones."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.field.detection_scores import score_areas
from workflow_lib.field.field_tables import DETECTIONS, MAP_SCORES

CONTRACT = 1


class MapArguments(Arguments):
    """Flags of the stage."""

    areas: list[str] = Field(description="names of the areas")
    found: list[Path] = Field(description="their GeoPackages of apply_model")
    probability: list[Path] = Field(description="their GeoTIFFs of apply_model")
    truth: dict[str, Path] = Field(default={}, description="area -> its true places, where they are known")
    background: str | None = Field(default=None, description="class that is nothing, if there is one")
    tolerance_m: float = Field(description="between a place and the point that it is taken for, at most (m)")
    threshold: float = Field(description="least probability of a place that was found")
    detections: list[Path] = Field(description="writes all places and what became of them (.parquet, .csv)")
    scores: list[Path] = Field(description="writes precision and recall (.parquet, .csv)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = MapArguments.parse(__doc__, argv)
    detections, scores = score_areas(
        arguments.areas, arguments.found, arguments.probability, arguments.truth, arguments.background,
        arguments.tolerance_m, arguments.threshold,
    )  # fmt: skip
    for path in arguments.detections:
        DETECTIONS.write(detections, path)
    for path in arguments.scores:
        MAP_SCORES.write(scores if len(scores) else pd.DataFrame(columns=[c.name for c in MAP_SCORES.columns]), path)


if __name__ == "__main__":
    run_stage(main)
