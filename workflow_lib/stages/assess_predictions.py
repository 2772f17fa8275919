"""Compare, calibrate and combine the candidates by their predictions of single chips, and find doubtful labels."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.analysis.candidate_tables import FRONT
from workflow_lib.analysis.kept_predictions import KeptPredictions
from workflow_lib.analysis.prediction_assessment import assess_predictions
from workflow_lib.analysis.prediction_tables import ASSESSED, CALIBRATION, COMBINATIONS, PAIRED, SELECTION, SUSPECTS
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.chip_tables import CHIPS
from workflow_lib.data.fold_config import FoldsConfig
from workflow_lib.data.folds import independent_units
from workflow_lib.training.score_tables import FOREST_PREDICTIONS, PREDICTIONS

CONTRACT = 2


class AssessArguments(Arguments):
    """Flags of the stage."""

    folds: FoldsConfig
    seed: int = Field(description="base seed of the run")
    classes: list[str] = Field(description="class names, in the order of the network's outputs")
    chips: Path = Field(description="chips.parquet of import_chips")
    predictions: Path = Field(description="predictions.parquet of gather_table")
    forests: Path = Field(description="forest_predictions.parquet of gather_table")
    ranked: Path = Field(description="ranked.parquet of build_front")
    paired: list[Path] = Field(description="output: the recommended model against others (.parquet, .csv)")
    calibration: list[Path] = Field(description="output: calibration of every candidate (.parquet, .csv)")
    selection: list[Path] = Field(
        description="output: error of every candidate over the probability below which it abstains (.parquet, .csv)"
    )
    assessed: list[Path] = Field(description="output: predictions of the recommended model (.parquet)")
    suspects: list[Path] = Field(description="output: chips with doubtful labels (.parquet, .csv)")
    combinations: list[Path] = Field(description="output: cascades and ensembles (.parquet, .csv)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = AssessArguments.parse(__doc__, argv)
    chips, ranked = CHIPS.read(arguments.chips), FRONT.read(arguments.ranked)
    numbers = {name: number for number, name in enumerate(arguments.classes)}
    kept = KeptPredictions(
        PREDICTIONS.read(arguments.predictions),
        FOREST_PREDICTIONS.read(arguments.forests),
        chips["class"].map(numbers).to_numpy(dtype="int64"),
        arguments.folds.count,
    )
    found = assess_predictions(
        kept,
        ranked,
        chips,
        independent_units(chips, arguments.folds),
        arguments.classes,
        derive_seed(arguments.seed, "assess_predictions"),
    )
    for table in (PAIRED, CALIBRATION, SELECTION, ASSESSED, SUSPECTS, COMBINATIONS):
        for path in getattr(arguments, table.name):
            table.write(getattr(found, table.name), path)


if __name__ == "__main__":
    run_stage(main)
