"""Train one candidate for one in so many of its epochs, score it, and keep its state for the job that goes on."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.running import run_stage
from workflow_lib.training.fold_job import TrainArguments

CONTRACT = 1


class PartArguments(TrainArguments):
    """Flags of the stage."""

    part: int = Field(ge=2, description="train for one in this many of the epochs, rounded down")
    continued: list[Path] = Field(
        description="outputs of train_fold for the same folds, which goes on from the state that this job keeps"
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = PartArguments.parse(__doc__, argv)
    last_epoch = max(arguments.training.epochs // arguments.part, 1)
    outcomes, _ = arguments.train(arguments.continued, last_epoch)
    arguments.write(outcomes)


if __name__ == "__main__":
    run_stage(main)
