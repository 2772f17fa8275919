"""Compare, calibrate and combine the candidates by their predictions of single chips, and find doubtful labels."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.analysis.calibration import assess, calibrate
from workflow_lib.analysis.candidate_tables import FRONT
from workflow_lib.analysis.combined_networks import combine
from workflow_lib.analysis.kept_predictions import KeptPredictions, forest_name
from workflow_lib.analysis.label_errors import find_suspects, good_candidates
from workflow_lib.analysis.paired_chips import compare_with
from workflow_lib.analysis.prediction_tables import ASSESSED, CALIBRATION, COMBINATIONS, PAIRED, SUSPECTS
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.chip_tables import CHIPS
from workflow_lib.data.fold_config import FoldsConfig
from workflow_lib.data.folds import independent_units
from workflow_lib.training.score_tables import FOREST_PREDICTIONS, PREDICTIONS

CONTRACT = 1


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
    assessed: Path = Field(description="output: predictions of the recommended model")
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
    recommended = ranked[ranked["recommended"].astype(bool)].iloc[0]
    front = ranked[ranked["on_front"].astype(bool)]
    rivals = ranked[(ranked["on_front"] | ranked["baseline"]).astype(bool) & ~ranked["recommended"].astype(bool)]
    name, others = str(recommended["candidate"]), [*rivals["candidate"], forest_name(recommended["channels"])]
    units = independent_units(chips, arguments.folds)
    tables = (
        (PAIRED, compare_with(kept, name, others, units, derive_seed(arguments.seed, "assess_predictions"))),
        (CALIBRATION, calibrate(kept, [str(candidate) for candidate in ranked["candidate"]])),
        (SUSPECTS, find_suspects(kept, good_candidates(ranked), chips, arguments.classes)),
        (COMBINATIONS, combine(kept, front)),
    )
    for table, frame in tables:
        for path in getattr(arguments, table.name):
            table.write(frame, path)
    ASSESSED.write(assess(kept, name, arguments.classes), arguments.assessed)


if __name__ == "__main__":
    run_stage(main)
