"""Train and score the reference classifier, a random forest on colour percentiles, on one fold."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.running import run_stage
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.chip_tables import FOLDS
from workflow_lib.data.dataset import Dataset, DatasetArguments
from workflow_lib.training.forest import score_forest
from workflow_lib.training.score_tables import FOREST

CONTRACT = 3


class ForestArguments(DatasetArguments):
    """Flags of the stage."""

    folds: Path = Field(description="folds.parquet of assign_folds")
    seed: int = Field(description="base seed of the run")
    channels: str = Field(description="name of the channel set")
    select: list[str] = Field(description="bands and indices of the channel set, in order")
    fold: int = Field(description="fold number")
    output: Path = Field(description="output: the scores and predictions")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ForestArguments.parse(__doc__, argv)
    dataset, folds = Dataset.open(arguments), FOLDS.read(arguments.folds)
    scores = score_forest(
        dataset,
        arguments.select,
        dataset.rows(folds, arguments.fold, "training"),
        dataset.rows(folds, arguments.fold, "validation"),
        derive_seed(arguments.seed, "train_forest", arguments.channels, arguments.fold),
    )
    ids = {"channels": arguments.channels, "fold": arguments.fold}
    FOREST.write(pd.DataFrame([ids | scores]), arguments.output)


if __name__ == "__main__":
    run_stage(main)
