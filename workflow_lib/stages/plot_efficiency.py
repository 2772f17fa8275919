"""Draw what score_efficiency found as PNG and PDF."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.core.tables import DOMINANCE, EFFICIENCY, EFFICIENCY_SAMPLES
from workflow_lib.report.figures import check_efficiency_tables, draw_efficiency, save_figures


class EfficiencyFiguresArguments(Arguments):
    """Flags of the stage."""

    inputs: list[str] = Field(description="columns that were scored as inputs")
    outputs: list[str] = Field(description="columns that were scored as outputs")
    dpi: int = Field(default=200, description="resolution of the PNG files (dots per inch)")
    scores: Path = Field(description="scores of score_efficiency (.parquet)")
    sampled: Path = Field(description="its samples")
    dominance: Path = Field(description="its table of who is larger than whom")
    figures: list[Path] = Field(description="writes these figures; a file's name without suffix says which")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = EfficiencyFiguresArguments.parse(__doc__, argv)
    scores = EFFICIENCY.read_filled(arguments.scores)
    samples, dominance = EFFICIENCY_SAMPLES.read_filled(arguments.sampled), DOMINANCE.read(arguments.dominance)
    check_efficiency_tables(scores, samples, dominance, [*arguments.inputs, *arguments.outputs])
    save_figures(
        arguments.figures,
        arguments.dpi,
        lambda name: draw_efficiency(name, scores, samples, dominance, arguments.inputs, arguments.outputs),
    )


if __name__ == "__main__":
    run_stage(main)
