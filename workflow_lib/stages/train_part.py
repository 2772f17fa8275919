"""Train one candidate for a part of its epochs, score it, and keep its state so that train_fold can continue."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.running import run_stage
from workflow_lib.training.fold_job import TrainArguments

CONTRACT = 4


class PartArguments(TrainArguments):
    """Flags of the stage."""

    part: int = Field(ge=2, description="n: train for 1/n of the epochs, rounded down")
    continued: list[Path] = Field(
        description="outputs of train_fold for the same folds, which continues from the state that this job keeps"
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = PartArguments.parse(__doc__, argv)
    last_epoch = max(arguments.training.epochs // arguments.part, 1)
    outcomes, _ = arguments.train(arguments.continued, last_epoch)
    arguments.write(outcomes)


if __name__ == "__main__":
    run_stage(main)
