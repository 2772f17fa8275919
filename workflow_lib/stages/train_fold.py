"""Train one candidate on one or more folds, each from fresh weights, and score it."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.errors import UserError
from workflow_lib.core.running import run_stage
from workflow_lib.training.checkpoint import save_tensors
from workflow_lib.training.fold_job import TrainArguments

CONTRACT = 9


class FoldArguments(TrainArguments):
    """Flags of the stage."""

    weights: list[Path] = Field(default=[], description="output: weights (torch state_dicts), one file per fold")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = FoldArguments.parse(__doc__, argv)
    if len(arguments.weights) not in (0, len(arguments.fold)):
        raise UserError(
            "the number of files does not match the folds", "--weights", f"give {len(arguments.fold)} files"
        )
    outcomes, checkpoints = arguments.train(arguments.output)
    for outcome, weights in zip(outcomes, arguments.weights, strict=False):
        save_tensors(outcome.network.cpu().state_dict(), weights)  # readable without a GPU
    arguments.write(outcomes)
    for checkpoint in checkpoints:
        checkpoint.remove()


if __name__ == "__main__":
    run_stage(main)
