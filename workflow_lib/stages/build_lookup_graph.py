"""Put the networks that come of searches at several bounds into one look-up graph."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import run_stage
from workflow_lib.core.tables import CELL_ALPHA, LOOKUP_GRAPH
from workflow_lib.search.derivation import CellCostArguments, build_lookup_graph


class GraphArguments(CellCostArguments):
    """Flags of the stage."""

    quantity: str = Field(description="what the bounds are of")
    alphas: list[Path] = Field(description="architecture parameters of search_cell, one file per bound")
    output: Path = Field(description="writes the graph")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = GraphArguments.parse(__doc__, argv)
    costs, bounds = arguments.costs(arguments.quantity), arguments.cell_search.bounds
    LOOKUP_GRAPH.write(build_lookup_graph(CELL_ALPHA.read_all(arguments.alphas), costs, bounds), arguments.output)


if __name__ == "__main__":
    run_stage(main)
