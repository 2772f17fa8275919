"""Draw searches of cells, what became of their budgets and how accurate their networks are, as PNG and PDF."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.core.tables import CELL_ALPHA, CELL_SEARCH, DERIVED, FRONT, LOOKUP_GRAPH
from workflow_lib.report.figures import draw_cells, save_figures


class CellFiguresArguments(Arguments):
    """Flags of the stage."""

    dpi: int = Field(default=200, description="resolution of the PNG files (dots per inch)")
    derived: list[Path] = Field(description="tables of derive_network")
    graphs: list[Path] = Field(description="tables of build_lookup_graph")
    ranked: Path = Field(description="table of build_front with all candidates and baselines")
    searches: list[Path] = Field(description="courses of search_cell, of budgets")
    alphas: list[Path] = Field(description="architecture parameters of the searches that are drawn")
    figures: list[Path] = Field(description="writes these figures; a file's name without suffix says which")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = CellFiguresArguments.parse(__doc__, argv)
    derived, graphs = DERIVED.read_all(arguments.derived), LOOKUP_GRAPH.read_all(arguments.graphs)
    searches, alpha = CELL_SEARCH.read_all(arguments.searches), CELL_ALPHA.read_all(arguments.alphas)
    ranked = FRONT.read(arguments.ranked)
    save_figures(
        arguments.figures, arguments.dpi, lambda name: draw_cells(name, searches, alpha, derived, graphs, ranked)
    )


if __name__ == "__main__":
    run_stage(main)
