"""Retrain a chosen candidate on all chips and write everything that a device needs."""

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import Field

from workflow_lib.analysis.candidate_tables import FRONT
from workflow_lib.analysis.prediction_tables import CALIBRATION, SELECTION
from workflow_lib.analysis.ranked_front import pick_candidate
from workflow_lib.core.candidate import Precision
from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.core.files import atomic_path
from workflow_lib.core.running import run_stage
from workflow_lib.data.chip_tables import BANDS
from workflow_lib.data.dataset import Dataset, DatasetArguments
from workflow_lib.field.deployment import Certainty, Reading, deploy_model
from workflow_lib.training.score_tables import HOLDOUT_SCORES
from workflow_lib.training.training_config import TrainingConfig

CONTRACT = 11


class DeployArguments(DatasetArguments):
    """Flags of the stage."""

    training: TrainingConfig
    recipes: dict[str, dict[str, Any]] | None = Field(
        default=None, description="training recipes: name -> keys that replace those of the training"
    )
    channel_sets: dict[str, list[str]] = Field(description="channel sets of the run: name -> bands and indices")
    seed: int = Field(description="base seed of the run")
    ranked: Path = Field(description="ranked.parquet of build_front")
    holdout: Path | None = Field(default=None, description="scores.parquet of score_holdout, if the run has a hold-out")
    bands_table: Path = Field(description="bands.parquet of import_chips")
    calibration: Path = Field(description="calibration.parquet of assess_predictions")
    selection: Path = Field(description="selection.parquet of assess_predictions")
    candidate: str = Field(description="name of a candidate, or `recommended`")
    resampling: dict[str, str] = Field(description="band -> resampling method of its scenes")
    background: str | None = Field(default=None, description="background class, which is not searched for, if any")
    max_nodata_pct: float = Field(description="maximum share of nodata pixels in any band of a chip (percent)")
    nodata: list[float] = Field(
        default=[], description="values treated as nodata, in addition to those that files declare"
    )
    units: dict[str, str] = Field(default={}, description="band -> unit of its values, after scale and offset")
    model_licence: str | None = Field(default=None, description="licence of the model (SPDX identifier), if any")
    precisions: list[Precision] = Field(description="precisions of the network files, fp32 first")
    conversion: ConversionConfig
    weights: Path = Field(description="output: weights of the network (torch state_dict)")
    files: list[Path] = Field(description="output: files of the bundle, all in one folder; file names are fixed")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = DeployArguments.parse(__doc__, argv)
    candidate = pick_candidate(FRONT.read(arguments.ranked), arguments.candidate)
    reading = Reading(
        arguments.resampling,
        arguments.background,
        arguments.max_nodata_pct,
        BANDS.read_nonempty(arguments.bands_table),
        arguments.nodata,
        arguments.units,
    )
    with TemporaryDirectory() as scratch:
        deploy_model(
            Dataset.open(arguments),
            candidate,
            arguments.channel_sets[candidate["channels"]],
            arguments.training.with_recipe(arguments.recipes, candidate["recipe"]),
            arguments.seed,
            HOLDOUT_SCORES.read(arguments.holdout) if arguments.holdout else None,
            Certainty.of(
                candidate["candidate"], CALIBRATION.read(arguments.calibration), SELECTION.read(arguments.selection)
            ),
            reading,
            arguments.precisions,
            arguments.conversion,
            arguments.model_licence,
            Path(scratch),
            arguments.weights,
        )
        with ExitStack() as stack:  # all files appear together
            for path in arguments.files:
                shutil.copyfile(Path(scratch, path.name), stack.enter_context(atomic_path(path)))


if __name__ == "__main__":
    run_stage(main)
