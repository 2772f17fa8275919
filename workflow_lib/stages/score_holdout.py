"""Retrain the front's members on all chips that are not held out, and score them on the held-out chips."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from workflow_lib.analysis.candidate_tables import FRONT
from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.core.running import run_stage
from workflow_lib.data.chip_tables import FOLDS
from workflow_lib.data.dataset import Dataset, DatasetArguments
from workflow_lib.field.holdout import score_holdout
from workflow_lib.training.score_tables import HOLDOUT_SCORES
from workflow_lib.training.training_config import TrainingConfig

CONTRACT = 8


class HoldoutArguments(DatasetArguments):
    """Flags of the stage."""

    training: TrainingConfig
    recipes: dict[str, dict[str, Any]] | None = Field(
        default=None, description="training recipes: name -> keys that replace those of the training"
    )
    channel_sets: dict[str, list[str]] = Field(description="channel sets of the run: name -> bands and indices")
    conversion: ConversionConfig
    seed: int = Field(description="base seed of the run")
    folds: Path = Field(description="folds.parquet of assign_folds")
    front: Path = Field(description="front.parquet of build_front")
    standalone: Path = Field(
        description="output: the scored network of the recommended candidate, from raw bands to probabilities (.onnx)"
    )
    output: Path = Field(description="output: scores, one row per front member")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = HoldoutArguments.parse(__doc__, argv)
    scores = score_holdout(
        Dataset.open(arguments),
        FRONT.read(arguments.front),
        FOLDS.read(arguments.folds),
        arguments.channel_sets,
        {name: arguments.training.with_recipe(arguments.recipes, name) for name in arguments.recipes or [""]},
        arguments.conversion,
        arguments.seed,
        arguments.standalone,
    )
    HOLDOUT_SCORES.write(scores, arguments.output)


if __name__ == "__main__":
    run_stage(main)
