"""Build the look-up graph: the cost of the derived network as a function of the search bound."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.search.cell_tables import CELL_ALPHA, LOOKUP_GRAPH
from workflow_lib.search.derivation import build_lookup_graph, read_costs
from workflow_lib.spaces.cell_spaces import CELL_SPACES

CONTRACT = 1


class GraphArguments(Arguments):
    """Flags of the stage."""

    cell_search: CellSearchConfig
    costs: Path = Field(description="table of price_operations for searched networks, whose costs the bounds limit")
    trained_costs: Path = Field(
        description="table of price_operations for trained networks, whose costs the graph gives"
    )
    alphas: list[Path] = Field(description="architecture parameters from search_cell, one file per bound")
    output: Path = Field(description="output: the look-up graph")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = GraphArguments.parse(__doc__, argv)
    settings = arguments.cell_search
    alpha = CELL_ALPHA.read_all(arguments.alphas)
    costs, trained = (
        read_costs(CELL_SPACES[settings.space], [path])[alpha["quantity"].iloc[0]]
        for path in (arguments.costs, arguments.trained_costs)
    )
    LOOKUP_GRAPH.write(build_lookup_graph(alpha, costs, trained, settings), arguments.output)


if __name__ == "__main__":
    run_stage(main)
