"""The arguments of stages that read the candidates of a search."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.pareto.front_config import Objective
from workflow_lib.search.cell_candidates import cell_candidates
from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.search.cell_tables import PRICES_RESULT
from workflow_lib.search.search_config import SearchConfig
from workflow_lib.search.searched_candidates import SearchedCandidates, grid_candidates
from workflow_lib.spaces.grid_config import GridConfig

if TYPE_CHECKING:
    import pandas as pd


class SearchArguments(Arguments):
    """Flags that define which candidates a search chooses from."""

    search: SearchConfig
    grid: GridConfig
    cells: CellSearchConfig | None = Field(
        default=None, description="section cell_search, if networks of cells replace those of the grid"
    )
    cost_columns: dict[str, str] = Field(default={}, description="quantity with budgets of the cells -> its column")
    objectives: list[Objective] = Field(description="objectives of the front")
    seed: int = Field(description="base seed of the run")
    table: list[str] = Field(description="tables that the strategy reads, as RESULT=FILE")

    def tables(self) -> "dict[str, pd.DataFrame]":
        """Read the tables that the strategy needs; result name -> table."""
        return self.search.declaration.read(self.table, self.cells is not None)

    def candidates_of(self, tables: "Mapping[str, pd.DataFrame]") -> SearchedCandidates:
        """Return the candidates that the strategy chooses from; see `grid_candidates` and `cell_candidates`.

        Args:
            tables: what `tables` returned.
        """
        if self.cells:
            prices = tables[PRICES_RESULT.name]
            return cell_candidates(self.grid, self.cells, self.cost_columns, self.objectives, prices, self.seed)
        return grid_candidates(self.grid, self.search.limits, self.search.budgets, self.objectives, tables)
