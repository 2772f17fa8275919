"""Draw what measure_utilization found as PNG and PDF."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.core.tables import FRONT, LAYERS, UTILIZATIONS
from workflow_lib.report.figures import draw_utilization, save_figures


class UtilizationFiguresArguments(Arguments):
    """Flags of the stage."""

    dpi: int = Field(default=200, description="resolution of the PNG files (dots per inch)")
    ranked: Path = Field(description="ranked.parquet of build_front")
    utilizations: Path = Field(description="utilizations.parquet of gather_table")
    layers: Path = Field(description="layers.parquet of gather_table")
    figures: list[Path] = Field(description="writes these figures; a file's name without suffix says which")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = UtilizationFiguresArguments.parse(__doc__, argv)
    ranked, utilizations = FRONT.read(arguments.ranked), UTILIZATIONS.read_filled(arguments.utilizations)
    layers = LAYERS.read_filled(arguments.layers)
    save_figures(
        arguments.figures,
        arguments.dpi,
        lambda name: draw_utilization(name, ranked, utilizations, layers),
    )


if __name__ == "__main__":
    run_stage(main)
