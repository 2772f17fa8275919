"""Derive from each search the best network within its budget."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import run_stage
from workflow_lib.core.tables import CELL_ALPHA, CELL_SEARCH, DERIVED
from workflow_lib.search.derivation import CellCostArguments, derive_networks


class DeriveArguments(CellCostArguments):
    """Flags of the stage."""

    searches: list[Path] = Field(description="courses of search_cell, one per budget and seed")
    alphas: list[Path] = Field(description="their architecture parameters")
    output: list[Path] = Field(description="writes the networks, into each of these files")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = DeriveArguments.parse(__doc__, argv)
    derived = derive_networks(
        CELL_SEARCH.read_all(arguments.searches),
        CELL_ALPHA.read_all(arguments.alphas),
        arguments.costs,
        arguments.cell_search,
    )
    for output in arguments.output:
        DERIVED.write(derived, output)


if __name__ == "__main__":
    run_stage(main)
