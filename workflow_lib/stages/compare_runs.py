"""Compare this run with others on the same chips and folds: one front, and what each run cost."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.config import Objective
from workflow_lib.core.running import run_stage
from workflow_lib.core.tables import RUNS
from workflow_lib.report.figures import runs_fronts, save_figures
from workflow_lib.search.runs import FinishedRun, compare_runs


class RunsArguments(Arguments):
    """Flags of the stage."""

    objectives: list[Objective] = Field(description="what a candidate is judged by")
    dpi: int = Field(default=200, description="resolution of the PNG files (dots per inch)")
    runs: list[Path] = Field(description="folders of finished runs, this one first")
    output: list[Path] = Field(description="writes the comparison, into each of these files")
    figures: list[Path] = Field(description="writes the figure, as PNG and PDF")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = RunsArguments.parse(__doc__, argv)
    runs = {folder.name: FinishedRun.read(folder) for folder in arguments.runs}
    compared = compare_runs(runs, arguments.objectives)
    for output in arguments.output:
        RUNS.write(compared, output)
    union = pd.concat([run.candidates.assign(run=name) for name, run in runs.items()], ignore_index=True)
    save_figures(arguments.figures, arguments.dpi, lambda _name: runs_fronts(union, arguments.objectives))


if __name__ == "__main__":
    run_stage(main)
