"""Draw every figure as PNG and PDF, and the front as a page to turn and zoom."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.config import Objective
from workflow_lib.core.files import write_text
from workflow_lib.core.running import run_stage
from workflow_lib.core.tables import FOLDS, FRONT, VALIDATION
from workflow_lib.data.dataset import Dataset, DatasetArguments
from workflow_lib.report.figures import draw_figure, front_3d_interactive, save_figures


class FiguresArguments(DatasetArguments):
    """Flags of the stage."""

    objectives: list[Objective] = Field(description="axes of the front")
    channel_sets: dict[str, list[str]] = Field(description="channel sets of the run: name -> bands and indices")
    devices: list[str] = Field(description="devices of the run that have a latency")
    validations: list[Path] = Field(default=[], description="validation.parquet of each built predictor")
    dpi: int = Field(default=200, description="resolution of the PNG files (dots per inch)")
    folds: Path = Field(description="folds.parquet of assign_folds")
    ranked: Path = Field(description="ranked.parquet of build_front")
    figures: list[Path] = Field(description="writes these figures; a file's name without suffix says which")
    interactive: Path = Field(description="writes the interactive front (HTML)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = FiguresArguments.parse(__doc__, argv)
    ranked = FRONT.read(arguments.ranked)
    dataset, folds = Dataset.open(arguments), FOLDS.read(arguments.folds)
    validation = VALIDATION.read_all(arguments.validations) if arguments.validations else pd.DataFrame()
    save_figures(
        arguments.figures,
        arguments.dpi,
        lambda name: draw_figure(
            name,
            ranked,
            arguments.objectives,
            arguments.devices,
            dataset,
            arguments.channel_sets,
            folds,
            validation,
        ),
    )
    write_text(arguments.interactive, front_3d_interactive(ranked, arguments.objectives))


if __name__ == "__main__":
    run_stage(main)
