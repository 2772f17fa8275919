"""Write the front's networks in lower precisions and measure accuracy, file size and latency of each."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.analysis.candidate_tables import FRONT
from workflow_lib.core.running import run_stage
from workflow_lib.data.chip_tables import FOLDS
from workflow_lib.data.dataset import Dataset, DatasetArguments
from workflow_lib.field.field_config import PrecisionsConfig
from workflow_lib.field.field_tables import PRECISIONS
from workflow_lib.field.precision_losses import measure_precisions
from workflow_lib.training.compute import use_one_thread

CONTRACT = 2


class PrecisionsArguments(DatasetArguments):
    """Flags of the stage."""

    precisions: PrecisionsConfig
    channel_sets: dict[str, list[str]] = Field(description="channel sets of the run: name -> bands and indices")
    seed: int = Field(description="base seed of the run")
    folds: Path = Field(description="folds.parquet of assign_folds")
    front: Path = Field(description="front.parquet of build_front")
    weights: str = Field(
        description="weights of train_fold: path pattern with {candidate} for a candidate's folder, and {fold}"
    )
    output: list[Path] = Field(description="output: one row per network and precision (.parquet, .csv)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = PrecisionsArguments.parse(__doc__, argv)
    use_one_thread()
    table = measure_precisions(
        Dataset.open(arguments),
        FRONT.read(arguments.front),
        FOLDS.read(arguments.folds),
        arguments.channel_sets,
        arguments.weights,
        arguments.precisions,
        arguments.seed,
    )
    for path in arguments.output:
        PRECISIONS.write(table, path)


if __name__ == "__main__":
    run_stage(main)
