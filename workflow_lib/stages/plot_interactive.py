"""Plot the front as an interactive page that can be rotated and zoomed."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.analysis.candidate_tables import FRONT
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.files import write_text
from workflow_lib.core.running import run_stage
from workflow_lib.pareto.front_config import Objective
from workflow_lib.report.plots.front_3d_plots import front_3d_interactive

CONTRACT = 1


class InteractiveArguments(Arguments):
    """Flags of the stage."""

    objectives: list[Objective] = Field(description="objectives of the front, which are the axes")
    ranked: Path = Field(description="ranked.parquet of build_front")
    output: Path = Field(description="output: the page (HTML)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = InteractiveArguments.parse(__doc__, argv)
    write_text(arguments.output, front_3d_interactive(FRONT.read(arguments.ranked), arguments.objectives))


if __name__ == "__main__":
    run_stage(main)
