"""Compare this run with others on the same chips and folds, by their joint front and their cost."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.analysis.comparison_tables import RUN_CANDIDATES, RUNS
from workflow_lib.analysis.run_comparison import FinishedRun, compare_runs
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.pareto.front_config import Objective

CONTRACT = 1


class RunsArguments(Arguments):
    """Flags of the stage."""

    objectives: list[Objective] = Field(description="objectives of the joint front")
    runs: list[Path] = Field(description="result folders of finished runs, this run first")
    output: list[Path] = Field(description="output: the comparison (.parquet, .csv)")
    candidates: Path = Field(description="output: the candidates of all runs with their objectives")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = RunsArguments.parse(__doc__, argv)
    runs = {folder.name: FinishedRun.read(folder) for folder in arguments.runs}
    compared = compare_runs(runs, arguments.objectives)
    for output in arguments.output:
        RUNS.write(compared, output)
    columns = ["run", "candidate", *(objective.name for objective in arguments.objectives)]
    union = pd.concat([run.candidates.assign(run=name)[columns] for name, run in runs.items()], ignore_index=True)
    RUN_CANDIDATES.write(union, arguments.candidates)


if __name__ == "__main__":
    run_stage(main)
