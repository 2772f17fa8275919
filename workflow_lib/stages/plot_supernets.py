"""Draw how alpha was learned, and how well supernets rank, as PNG and PDF."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.core.tables import ALPHA, DIFFICULTY, RANKING_QUALITY, RANKS
from workflow_lib.report.figures import draw_supernets, save_figures


class SupernetFiguresArguments(Arguments):
    """Flags of the stage."""

    dpi: int = Field(default=200, description="resolution of the PNG files (dots per inch)")
    alphas: list[Path] = Field(description="alpha tables of rank_subnets; empty where no alpha was learned")
    quality: Path | None = Field(default=None, description="quality.parquet of compare_supernets")
    difficulty: Path | None = Field(default=None, description="difficulty.parquet of compare_supernets")
    ranks: Path | None = Field(default=None, description="ranks.parquet of compare_supernets")
    figures: list[Path] = Field(description="writes these figures; a file's name without suffix says which")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = SupernetFiguresArguments.parse(__doc__, argv)
    alpha = ALPHA.concatenate([ALPHA.read(path) for path in arguments.alphas], arguments.alphas[0])
    quality, difficulty, ranks = (
        table.read_filled(path) if path else pd.DataFrame()
        for table, path in (
            (RANKING_QUALITY, arguments.quality),
            (DIFFICULTY, arguments.difficulty),
            (RANKS, arguments.ranks),
        )
    )
    save_figures(arguments.figures, arguments.dpi, lambda name: draw_supernets(name, alpha, quality, difficulty, ranks))


if __name__ == "__main__":
    run_stage(main)
