"""Draw what compare_strategies found as PNG and PDF."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.config import Objective
from workflow_lib.core.running import run_stage
from workflow_lib.core.tables import COMPARISON, FRONT
from workflow_lib.report.figures import draw_comparison, save_figures


class ComparisonFiguresArguments(Arguments):
    """Flags of the stage."""

    objectives: list[Objective] = Field(description="of the front")
    dpi: int = Field(default=200, description="resolution of the PNG files (dots per inch)")
    ranked: Path = Field(description="ranked.parquet of build_front")
    comparison: Path = Field(description="comparison.parquet of compare_strategies")
    figures: list[Path] = Field(description="writes these figures; a file's name without suffix says which")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ComparisonFiguresArguments.parse(__doc__, argv)
    ranked, comparison = FRONT.read(arguments.ranked), COMPARISON.read_filled(arguments.comparison)
    searched = ranked[~ranked["baseline"]]
    save_figures(
        arguments.figures,
        arguments.dpi,
        lambda name: draw_comparison(name, searched, comparison, arguments.objectives),
    )


if __name__ == "__main__":
    run_stage(main)
