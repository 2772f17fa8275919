"""What the jobs share that train a candidate on folds, to the end or up to a part of its epochs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from workflow_lib.core.candidate import Candidate
from workflow_lib.core.errors import UserError
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.chip_tables import FOLDS
from workflow_lib.data.dataset import Dataset, DatasetArguments
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.fold import Fold, Outcome, train_and_score
from workflow_lib.training.score_tables import TRAINING
from workflow_lib.training.training_config import TrainingConfig


class TrainArguments(DatasetArguments):
    """Flags of a stage that trains one candidate on folds."""

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

    def train(self, continued: Sequence[Path], last_epoch: int | None = None) -> tuple[list[Outcome], list[Checkpoint]]:
        """Train the candidate on all folds, each from fresh weights or from its checkpoint.

        Args:
            continued: output of the job that trains each fold to the end; its checkpoint is read and written, so a
                training that stopped at a part of its epochs continues from there, as if it had not stopped.
            last_epoch: epoch after which the trainings stop; None: they train to the end.

        Returns:
            The outcome and the checkpoint of each fold.

        Raises:
            UserError: if the number of files is not that of the folds.
        """
        if not len(self.output) == len(continued) == len(self.fold):
            raise UserError("the number of files does not match the folds", "--output", f"give {len(self.fold)} files")
        dataset, folds = Dataset.open(self), FOLDS.read(self.folds)
        checkpoints = [self._checkpoint(fold, path) for fold, path in zip(self.fold, continued, strict=True)]
        tasks = [
            Fold(
                dataset.rows(folds, fold, "training"),
                dataset.rows(folds, fold, "validation"),
                self._fold_seed(fold),
                checkpoint,
                folds.loc[(folds["fold"] == fold) & (folds["role"] == "set_aside"), "chip"].to_numpy(dtype=np.int64),
                last_epoch,
            )
            for fold, checkpoint in zip(self.fold, checkpoints, strict=True)
        ]
        outcomes = train_and_score(dataset, self.select, self.architecture, self.batch, self.training, tasks)
        return outcomes, checkpoints

    def write(self, outcomes: Sequence[Outcome]) -> None:
        """Write the scores and predictions of each fold."""
        key = Candidate(self.channels, self.batch, self.architecture, self.recipe)._asdict()
        for outcome, fold, output in zip(outcomes, self.fold, self.output, strict=True):
            TRAINING.write(pd.DataFrame([key | {"fold": fold} | outcome.scores | outcome.predictions]), output)

    def _fold_seed(self, fold: int) -> int:
        """Return the seed of a fold; all recipes start from the same weights, so that their differences are paired."""
        return derive_seed(self.seed, "train_fold", self.channels, self.batch, self.architecture, fold)

    def _checkpoint(self, fold: int, continued: Path) -> Checkpoint:
        """Return the checkpoint from which a training of a fold continues, alone or with other folds."""
        values = self.model_dump(include=set(TrainArguments.model_fields) - {"fold", "output"})
        content = [self.chips, self.folds, self.moments]
        return Checkpoint(continued, content, (values, fold, self.array.stat().st_mtime_ns))
