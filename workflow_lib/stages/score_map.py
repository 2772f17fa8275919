"""Compare the places that a model found in whole scenes with the true places, and gather how far the scenes drifted."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.field.detection_scores import read_drift, score_areas
from workflow_lib.field.field_tables import DETECTIONS, DRIFT, MAP_SCORES

CONTRACT = 2


class MapArguments(Arguments):
    """Flags of the stage."""

    areas: list[str] = Field(description="names of the areas")
    found: list[Path] = Field(description="GeoPackage from apply_model for each area, in the same order")
    probability: list[Path] = Field(description="GeoTIFF from apply_model for each area, in the same order")
    compared: list[Path] = Field(description="drift of each area from apply_model, in the same order (CSV)")
    truth: dict[str, Path] = Field(
        default={}, description="area -> file of its true places, for areas where they are known"
    )
    background: str | None = Field(default=None, description="background class, which is not searched for, if any")
    tolerance_m: float = Field(description="maximum distance between a place and its true point (m)")
    threshold: float = Field(description="minimum probability of a found place")
    detections: list[Path] = Field(description="output: all places and their outcomes (.parquet, .csv)")
    drift: list[Path] = Field(description="output: how far the scenes are from the training chips (.parquet, .csv)")
    scores: list[Path] = Field(description="output: precision and recall (.parquet, .csv)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = MapArguments.parse(__doc__, argv)
    detections, scores = score_areas(
        arguments.areas, arguments.found, arguments.probability, arguments.truth, arguments.background,
        arguments.tolerance_m, arguments.threshold,
    )  # fmt: skip
    drift = read_drift(arguments.areas, arguments.compared)
    for path in arguments.drift:
        DRIFT.write(drift, path)
    for path in arguments.detections:
        DETECTIONS.write(detections, path)
    for path in arguments.scores:
        MAP_SCORES.write(scores if len(scores) else pd.DataFrame(columns=[c.name for c in MAP_SCORES.columns]), path)


if __name__ == "__main__":
    run_stage(main)
