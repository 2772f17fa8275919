"""Train one candidate on one fold, from fresh weights, and score it."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import run_stage
from workflow_lib.core.config import TrainingConfig
from workflow_lib.core.seeds import derive_seed
from workflow_lib.core.tables import FOLD_SCORES, FOLDS
from workflow_lib.data.dataset import Dataset, DatasetArguments
from workflow_lib.training.checkpoint import Checkpoint, save_tensors
from workflow_lib.training.fold import train_and_score


class TrainArguments(DatasetArguments):
    """Flags of the stage."""

    training: TrainingConfig
    folds: Path = Field(description="folds.parquet of assign_folds")
    seed: int = Field(description="base seed of the run")
    channels: str = Field(description="name of the channel set")
    select: list[str] = Field(description="its bands and indices, in order")
    batch: int = Field(ge=2, description="training batch size (chips)")
    architecture: str = Field(description="architecture id")
    fold: int = Field(description="fold number")
    output: Path = Field(description="writes the scores")
    weights: Path | None = Field(default=None, description="writes the weights (a torch state_dict), if given")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = TrainArguments.parse(__doc__, argv)
    ids = {name: getattr(arguments, name) for name in ("channels", "batch", "architecture", "fold")}
    dataset, folds = Dataset.open(arguments), FOLDS.read(arguments.folds)
    checkpoint = Checkpoint(
        arguments.output,
        [arguments.chips, arguments.folds, arguments.moments],
        (arguments.model_dump(exclude={"output", "weights"}), arguments.array.stat().st_mtime_ns),
    )
    scores, network = train_and_score(
        dataset,
        arguments.select,
        arguments.architecture,
        arguments.batch,
        arguments.training,
        dataset.rows(folds, arguments.fold, "training"),
        dataset.rows(folds, arguments.fold, "validation"),
        derive_seed(arguments.seed, "train_fold", *ids.values()),
        checkpoint,
    )
    if arguments.weights:
        save_tensors(network.state_dict(), arguments.weights)
    FOLD_SCORES.write(pd.DataFrame([ids | scores]), arguments.output)
    checkpoint.remove()


if __name__ == "__main__":
    run_stage(main)
