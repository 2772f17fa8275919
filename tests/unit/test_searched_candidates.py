"""The candidates that a strategy chooses from: networks of cells by the prices of their operations."""

from typing import Any

import pandas as pd
import pytest
from examples import config

from workflow_lib.core.candidate import NETWORK_KEYS
from workflow_lib.core.errors import UserError
from workflow_lib.search.cell_candidates import cell_candidates
from workflow_lib.search.derivation import cost_rows
from workflow_lib.search.searched_candidates import (
    candidate_space,
    known_candidates,
    within_a_budget,
)
from workflow_lib.spaces.cell_spaces import CELL_SPACES
from workflow_lib.spaces.networks import parse

QUANTITIES = ("parameters", "multiply_adds")


def run(*budgets: float) -> tuple[Any, Any]:
    whole = config({"search.strategy": "surrogate", "cell_search": {"budgets": {"parameters": list(budgets)}}})
    return whole, whole.cell_search


def prices(cells: Any, sets: dict[str, int]) -> pd.DataFrame:
    space = CELL_SPACES["nasbench201"]
    parts = [
        cost_rows(space, space.count(quantity, cells.skeletons["trained"], channels, 2, 48)).assign(
            channels=name, quantity=quantity, skeleton="trained"
        )
        for name, channels in sets.items()
        for quantity in QUANTITIES
    ]
    return pd.concat(parts, ignore_index=True)


def searched(*budgets: float) -> tuple[Any, Any]:
    whole, cells = run(*budgets)
    sets = {name: len(bands) for name, bands in whole.grid.channel_sets.items()}
    return whole, cell_candidates(
        whole.grid, cells, whole.budget_columns, whole.front.objectives, prices(cells, sets), 7
    )


def test_cells_are_all_live_and_within_a_budget_and_cost_what_they_count() -> None:
    whole, found = searched(20_000, 30_000)
    known = found.known
    assert known["candidate"].tolist() == found.space.networks()
    assert known["parameters"].max() <= 30_000
    assert found.budgets == {"parameters": [20_000, 30_000]}
    assert [objective.name for objective in found.objectives] == ["accuracy_pct", "parameters"]
    for row in known.sample(20, random_state=0).itertuples(index=False):
        network = parse(row.architecture)
        counted = network.costs(len(whole.grid.channel_sets[row.channels]), 2, 48)
        assert row.parameters == counted.parameters
        assert network.choices.is_live


def test_budgets_below_every_cell_are_refused() -> None:
    with pytest.raises(UserError, match="no candidate is within the budget of 10; the lowest parameters is"):
        searched(10)


def test_budgets_of_a_grid_keep_only_what_is_within_one() -> None:
    whole = config({"grid.space.kernel_size": [3]})
    space = candidate_space(whole.grid)
    known = known_candidates(space, pd.DataFrame({name: [] for name in NETWORK_KEYS}))
    known = known.assign(memory_bytes=range(len(known)), parameters=100)
    kept, rows = within_a_budget(space, known, {"memory_bytes": [3, 8]}, "search.budgets")
    assert kept.networks() == rows["candidate"].tolist() == known["candidate"].head(9).tolist()
    assert within_a_budget(space, known, {"memory_bytes": [3], "parameters": [100]}, "x")[1].equals(known)
    with pytest.raises(UserError, match="within the budget of 99; the lowest parameters is 100"):
        within_a_budget(space, known, {"memory_bytes": [3], "parameters": [99]}, "search.budgets")
