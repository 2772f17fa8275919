"""Derive the best network within the budget from each search, and draw random ones for comparison."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.search.cell_tables import CELL_ALPHA, CELL_SEARCH, DERIVED
from workflow_lib.search.derivation import derive_networks, draw_networks, read_costs
from workflow_lib.spaces.cell_spaces import CELL_SPACES

CONTRACT = 2


class DeriveArguments(Arguments):
    """Flags of the stage."""

    cell_search: CellSearchConfig
    channels: str = Field(description="name of the channel set")
    seed: int = Field(description="base seed of the run")
    costs: list[Path] = Field(
        description="tables of price_operations for trained networks, one per quantity with budgets"
    )
    searches: list[Path] = Field(description="search histories from search_cell, one per budget and seed")
    alphas: list[Path] = Field(description="architecture parameters from the same searches")
    output: list[Path] = Field(description="output: the networks (.parquet, .csv)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = DeriveArguments.parse(__doc__, argv)
    settings = arguments.cell_search
    costs = read_costs(CELL_SPACES[settings.space], arguments.costs)
    searches, alpha = CELL_SEARCH.read_all(arguments.searches), CELL_ALPHA.read_all(arguments.alphas)
    found = derive_networks(searches, alpha, costs, settings)
    drawn = draw_networks(arguments.channels, costs, settings, arguments.seed)
    derived = pd.concat([found, drawn], ignore_index=True)
    for output in arguments.output:
        DERIVED.write(derived, output)


if __name__ == "__main__":
    run_stage(main)
