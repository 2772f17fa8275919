"""Retrain a chosen candidate on all its data and write everything that a device needs."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.config import TrainingConfig
from workflow_lib.core.running import run_stage
from workflow_lib.core.tables import FRONT, HOLDOUT_SCORES
from workflow_lib.data.dataset import Dataset, DatasetArguments
from workflow_lib.training.deploy import deploy_model, pick_candidate


class DeployArguments(DatasetArguments):
    """Flags of the stage."""

    training: TrainingConfig
    channel_sets: dict[str, list[str]] = Field(description="channel sets of the run: name -> bands and indices")
    seed: int = Field(description="base seed of the run")
    ranked: Path = Field(description="ranked.parquet of build_front")
    holdout: Path | None = Field(default=None, description="scores.parquet of score_holdout, if there is a hold-out")
    candidate: str = Field(description="name of a candidate, or `recommended`")
    model: Path = Field(description="writes the network (ONNX)")
    bundle: Path = Field(description="writes what a program must know of it (JSON)")
    card: Path = Field(description="writes what a person must know of it (Markdown)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = DeployArguments.parse(__doc__, argv)
    candidate = pick_candidate(FRONT.read(arguments.ranked), arguments.candidate)
    deploy_model(
        Dataset.open(arguments),
        candidate,
        arguments.channel_sets[candidate["channels"]],
        arguments.training,
        arguments.seed,
        HOLDOUT_SCORES.read(arguments.holdout) if arguments.holdout else None,
        arguments.model,
        arguments.bundle,
        arguments.card,
    )


if __name__ == "__main__":
    run_stage(main)
