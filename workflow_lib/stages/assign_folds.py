"""Assign each chip to training or validation in each fold."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.data.chip_tables import CHIPS, FOLDS
from workflow_lib.data.fold_config import FoldsConfig
from workflow_lib.data.folds import assign_folds

CONTRACT = 2


class FoldsArguments(Arguments):
    """Flags of the stage."""

    folds: FoldsConfig
    seed: int = Field(description="seed for shuffling the chips")
    chips: Path = Field(description="chips.parquet of import_chips")
    output: Path = Field(description="output: role of each chip in each fold")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = FoldsArguments.parse(__doc__, argv)
    FOLDS.write(assign_folds(CHIPS.read(arguments.chips), arguments.folds, arguments.seed), arguments.output)


if __name__ == "__main__":
    run_stage(main)
