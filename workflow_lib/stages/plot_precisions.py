"""Draw the front's networks in all precisions, as PNG and PDF."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.core.tables import FRONT, PRECISIONS
from workflow_lib.report.figures import front_precisions, save_figures


class PrecisionFiguresArguments(Arguments):
    """Flags of the stage."""

    precisions: Path = Field(description="table of measure_precisions")
    ranked: Path = Field(description="table of build_front with all candidates")
    dpi: int = Field(default=200, description="resolution of the PNG files (dots per inch)")
    figures: list[Path] = Field(description="writes these figures")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = PrecisionFiguresArguments.parse(__doc__, argv)
    precisions, ranked = PRECISIONS.read(arguments.precisions), FRONT.read(arguments.ranked)
    save_figures(arguments.figures, arguments.dpi, lambda _: front_precisions(precisions, ranked))


if __name__ == "__main__":
    run_stage(main)
