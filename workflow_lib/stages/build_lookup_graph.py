"""Put the networks that come of searches at several bounds into one look-up graph."""

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
    costs: Path = Field(description="table of price_operations, networks as searched: what bounds are of")
    trained_costs: Path = Field(description="the same, networks as trained: what they have in the end")
    alphas: list[Path] = Field(description="architecture parameters of search_cell, one file per bound")
    output: Path = Field(description="writes the graph")


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
