"""The candidates of a search for cells: all networks of a small space, or random ones of a large space."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from workflow_lib.core.candidate import NETWORK_KEYS, TRAINED, Candidate
from workflow_lib.core.errors import UserError
from workflow_lib.core.seeds import derive_seed
from workflow_lib.pareto.front_config import Objective
from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.search.derivation import DERIVATIONS, costs_of
from workflow_lib.search.searched_candidates import (
    SearchedCandidates,
    candidate_space,
    known_candidates,
    split,
    within_a_budget,
)
from workflow_lib.spaces.cell_costs import CellCosts
from workflow_lib.spaces.cell_spaces import CELL_SPACES
from workflow_lib.spaces.grid_config import GridConfig
from workflow_lib.spaces.nasbench201.nasbench201_cell import CellNetwork
from workflow_lib.spaces.networks import parse_assembled
from workflow_lib.spaces.space import Space
from workflow_lib.training.supernet_paths import extreme_networks

DRAWN = 200
"""Number of networks of a large space that are drawn within each budget."""


@dataclass(frozen=True)
class CellPrices:
    """The costs of networks of cells.

    Attributes:
        costs: channel set -> column -> cost of any network.
        budgets: column -> maximum values.
    """

    costs: Mapping[str, Mapping[str, CellCosts]]
    budgets: Mapping[str, Sequence[float]]

    def tabulate(self, channels: str, networks: Sequence[Any]) -> pd.DataFrame:
        """Tabulate the costs of parsed networks: columns NETWORK_KEYS, and the costs."""
        totals = {column: list(map(each.total, networks)) for column, each in self.costs[channels].items()}
        ids = {"channels": channels, "architecture": list(map(str, networks)), "precision": TRAINED}
        return pd.DataFrame({**ids, **totals})

    def describe(self, names: Sequence[str]) -> pd.DataFrame:
        """Tabulate those of some candidates that are within a budget, like `known_candidates`."""
        rows = split(list(names)).assign(candidate=list(names))
        costs = [
            self.tabulate(str(channels), list(map(parse_assembled, group["architecture"].unique())))
            for channels, group in rows.groupby("channels", sort=False)
        ]
        known = rows.merge(pd.concat(costs, ignore_index=True), on=NETWORK_KEYS, how="left")
        limits = {column: max(values) for column, values in self.budgets.items()}
        return known[(known[list(limits)] <= limits).any(axis=1)].reset_index(drop=True)


def cell_candidates(
    grid: GridConfig,
    cells: CellSearchConfig,
    columns: Mapping[str, str],
    objectives: Sequence[Objective],
    prices: pd.DataFrame,
    seed: int,
) -> SearchedCandidates:
    """Return the candidates of a search for cells.

    Args:
        grid: the grid: channel sets, batch sizes and recipes.
        cells: cells whose networks replace those of the grid.
        columns: quantity with budgets of `cells` -> column of its cost.
        objectives: objectives of the front.
        prices: rows of CELL_COSTS.
        seed: base seed of the run, from which random networks of a large space are drawn.

    Raises:
        UserError: if no candidate is within a budget.
    """
    costs = {
        str(channels): {
            columns.get(quantity, quantity): each
            for quantity, each in costs_of(CELL_SPACES[cells.space], table).items()
        }
        for channels, table in prices.groupby("channels", sort=False)
    }
    priced = CellPrices(costs, {columns[quantity]: values for quantity, values in cells.budgets.items()})
    wanted = [each for each in objectives if each.name == "accuracy_pct"]
    wanted += [Objective(name=name, direction="min") for name in priced.budgets]
    if cells.is_enumerated:
        return _all_networks(grid, cells, priced, wanted)
    return _random_networks(grid, cells, priced, wanted, seed)


def _all_networks(
    grid: GridConfig, cells: CellSearchConfig, priced: CellPrices, objectives: Sequence[Objective]
) -> SearchedCandidates:
    """Return the networks without dead operations that are within at least one budget."""
    networks = CELL_SPACES[cells.space].networks(cells.skeletons["trained"])
    live = [network for network in map(CellNetwork.parse, networks.networks()) if network.is_live]
    costs = pd.concat([priced.tabulate(channels, live) for channels in priced.costs], ignore_index=True)
    space = candidate_space(grid, replace(networks, allowed=frozenset(map(str, live))))
    known = known_candidates(space, costs)
    space, known = within_a_budget(space, known, priced.budgets, "cell_search.budgets")
    return SearchedCandidates(space, known, objectives, priced.budgets)


def _random_networks(
    grid: GridConfig, cells: CellSearchConfig, priced: CellPrices, objectives: Sequence[Objective], seed: int
) -> SearchedCandidates:
    """Return random networks within each budget; the search describes any others itself."""
    networks, names = CELL_SPACES[cells.space].networks(cells.skeletons["trained"]), dict[str, None]()
    for channels, costs in priced.costs.items():
        for column, budget in ((column, budget) for column, budgets in priced.budgets.items() for budget in budgets):
            generator = np.random.default_rng(derive_seed(seed, "cell_candidates", channels, column, budget))
            found = DERIVATIONS[cells.space].draw(
                costs[column], cells.skeletons["trained"], budget, -np.inf, DRAWN, generator
            )
            if not found:
                lowest = f"raise it: the lowest is {_lowest(networks, costs[column]):g}"
                raise UserError(f"no network is within {column} {budget:g}", "config: cell_search.budgets", lowest)
            settings = product(grid.batch_sizes, map(str, found), grid.recipe_names)
            names |= dict.fromkeys(str(Candidate(channels, *each)) for each in settings)
    known = priced.describe(list(names))
    return SearchedCandidates(candidate_space(grid, networks), known, objectives, priced.budgets, priced.describe)


def _lowest(networks: Space, costs: CellCosts) -> float:
    def total(name: str) -> float:
        return costs.total(parse_assembled(name))

    return total(extreme_networks(networks, total)[1])
