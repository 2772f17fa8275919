"""Train one candidate on one or more folds, each from fresh weights, and score it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from workflow_lib.core.candidate import Candidate
from workflow_lib.core.errors import UserError
from workflow_lib.core.running import run_stage
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.chip_tables import FOLDS
from workflow_lib.data.dataset import Dataset, DatasetArguments
from workflow_lib.training.checkpoint import Checkpoint, save_tensors
from workflow_lib.training.fold import Fold, train_and_score
from workflow_lib.training.score_tables import TRAINING
from workflow_lib.training.training_config import TrainingConfig

CONTRACT = 6


class TrainArguments(DatasetArguments):
    """Flags of the stage."""

    training: TrainingConfig
    folds: Path = Field(description="folds.parquet of assign_folds")
    seed: int = Field(description="base seed of the run")
    channels: str = Field(description="name of the channel set")
    select: list[str] = Field(description="bands and indices of the channel set, in order")
    batch: int = Field(ge=2, description="training batch size (chips)")
    recipe: str = Field(default="", description="name of the training recipe; empty if the run has only one")
    architecture: str = Field(description="architecture id")
    fold: list[int] = Field(description="fold numbers; several folds are trained together")
    output: list[Path] = Field(description="output: scores and predictions, one file per fold")
    weights: list[Path] = Field(default=[], description="output: weights (torch state_dicts), one file per fold")

    def ids(self, fold: int) -> dict[str, str | int]:
        """Return the key columns of a fold's scores."""
        candidate = Candidate(self.channels, self.batch, self.architecture, self.recipe)
        return candidate._asdict() | {"fold": fold}

    def fold_seed(self, fold: int) -> int:
        """Return the seed of a fold; all recipes start from the same weights, so that their differences are paired."""
        return derive_seed(self.seed, "train_fold", self.channels, self.batch, self.architecture, fold)

    def checkpoint(self, fold: int, output: Path) -> Checkpoint:
        """Return the checkpoint from which an interrupted training of a fold resumes, alone or with other folds."""
        values = self.model_dump(exclude={"fold", "output", "weights"})
        return Checkpoint(output, [self.chips, self.folds, self.moments], (values, fold, self.array.stat().st_mtime_ns))


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = TrainArguments.parse(__doc__, argv)
    if len(arguments.output) != len(arguments.fold) or len(arguments.weights) not in (0, len(arguments.fold)):
        raise UserError(
            "the number of files does not match the folds", "--output, --weights", f"give {len(arguments.fold)} files"
        )
    dataset, folds = Dataset.open(arguments), FOLDS.read(arguments.folds)
    tasks = [
        Fold(
            dataset.rows(folds, fold, "training"),
            dataset.rows(folds, fold, "validation"),
            arguments.fold_seed(fold),
            arguments.checkpoint(fold, output),
            folds.loc[(folds["fold"] == fold) & (folds["role"] == "set_aside"), "chip"].to_numpy(dtype=np.int64),
        )
        for fold, output in zip(arguments.fold, arguments.output, strict=True)
    ]
    outcomes = train_and_score(
        dataset, arguments.select, arguments.architecture, arguments.batch, arguments.training, tasks
    )
    for outcome, weights in zip(outcomes, arguments.weights, strict=False):
        save_tensors(outcome.network.cpu().state_dict(), weights)  # readable without a GPU
    for outcome, fold, output in zip(outcomes, arguments.fold, arguments.output, strict=True):
        TRAINING.write(pd.DataFrame([arguments.ids(fold) | outcome.scores | outcome.predictions]), output)
    for task in tasks:
        assert task.checkpoint
        task.checkpoint.remove()


if __name__ == "__main__":
    run_stage(main)
