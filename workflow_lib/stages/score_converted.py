"""Convert the network of one training to another precision, and score its file on the fold's validation chips."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.candidate import Precision
from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.core.errors import UserError
from workflow_lib.core.running import run_stage
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.chip_tables import FOLDS
from workflow_lib.data.dataset import Dataset, DatasetArguments
from workflow_lib.field.converted_network import load_network, score_converted
from workflow_lib.training.compute import use_one_thread
from workflow_lib.training.score_tables import TRAINING, is_failed

CONTRACT = 1


class ScoreConvertedArguments(DatasetArguments):
    """Flags of the stage."""

    precision: Precision = Field(description="fp16 or int8")
    conversion: ConversionConfig
    seed: int = Field(description="base seed of the run")
    select: list[str] = Field(description="bands and indices of the channel set, in order")
    folds: Path = Field(description="folds.parquet of assign_folds")
    trained: Path = Field(description="scores of the training, from train_fold")
    weights: Path = Field(description="weights of the training, from train_fold")
    output: Path = Field(description="output: the same table with the scores and predictions of the converted network")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ScoreConvertedArguments.parse(__doc__, argv)
    if is_failed(arguments.trained):
        raise UserError("the training failed; see its log", arguments.trained)
    use_one_thread()
    dataset, folds = Dataset.open(arguments), FOLDS.read(arguments.folds)
    training = TRAINING.read(arguments.trained).iloc[0].to_dict()
    fold = int(training["fold"])
    scores = score_converted(
        dataset,
        arguments.select,
        load_network(dataset, len(arguments.select), training["architecture"], arguments.weights),
        arguments.precision,
        dataset.rows(folds, fold, "training"),
        dataset.rows(folds, fold, "validation"),
        arguments.conversion,
        derive_seed(arguments.seed, "int8", fold),
    )
    TRAINING.write(pd.DataFrame([training | {"precision": arguments.precision} | scores]), arguments.output)


if __name__ == "__main__":
    run_stage(main)
