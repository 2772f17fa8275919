"""Train all networks of one channel set with shared weights: step 1 of the rank-preserving supernet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from workflow_lib.core.running import run_stage
from workflow_lib.data.chip_tables import FOLDS
from workflow_lib.data.dataset import Dataset
from workflow_lib.search.ranked_supernet import train_first
from workflow_lib.search.stored_supernet import StoredSupernet
from workflow_lib.spaces.cell_spaces import SupernetSpaceName
from workflow_lib.spaces.cross import CrossConfig
from workflow_lib.spaces.skeleton_config import SkeletonConfig
from workflow_lib.training.compute import use_one_thread
from workflow_lib.training.supernet_training import SupernetArguments, SupernetTrainer

CONTRACT = 5


class FirstStepArguments(SupernetArguments):
    """Flags of the stage."""

    space: SupernetSpaceName = Field(default="cross", description="search space of the supernet")
    size: SkeletonConfig
    grid_space: CrossConfig
    fair_epochs: int = Field(description="number of epochs in which each step trains every value of every choice")
    first: Literal["uniform", "fair"] = Field(
        description="fair: strict fairness; uniform: one random path per step, with the same total number of paths"
    )
    sandwich: bool = Field(description="whether fair steps also train the largest and the smallest network")
    distillation: bool = Field(description="whether the others then learn the probabilities of the largest network")
    output: Path = Field(description="output: the trained supernet")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = FirstStepArguments.parse(__doc__, argv)
    use_one_thread()
    dataset, folds = Dataset.open(arguments), FOLDS.read(arguments.folds)
    seed = arguments.derived_seed("train_supernet")
    choices = arguments.grid_space.choices if arguments.space == "cross" else {}
    inputs, classes = len(arguments.select), len(arguments.classes)
    net = StoredSupernet.fresh(arguments.space, choices, arguments.size.skeleton, inputs, classes, seed)
    trainer = SupernetTrainer(net.supernet, arguments.task(dataset, folds, seed), arguments.training)
    checkpoint = arguments.checkpoint(arguments.output)
    extremes = net.extremes(dataset.pixels.shape[1]) if arguments.sandwich else ()
    train_first(trainer, arguments.first, arguments.fair_epochs, checkpoint, extremes, arguments.distillation)
    net.trained(trainer).save(arguments.output)
    checkpoint.remove()


if __name__ == "__main__":
    run_stage(main)
