"""Train networks of cells that were derived within budgets, instead of the networks of the grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.core.candidate import KEYS
from workflow_lib.search.cell_tables import ALL_CELL_SEARCHES_RESULT, DERIVED_RESULT
from workflow_lib.search.strategy_declaration import ProposalInput, StrategyDeclaration

if TYPE_CHECKING:
    import pandas as pd


def propose_derived(derived: pd.DataFrame, settings: pd.DataFrame) -> pd.DataFrame:
    """Propose the networks that were derived within budgets, with every batch size and recipe.

    Args:
        derived: rows of DERIVED, of all channel sets.
        settings: see ProposalInput.

    Returns:
        Columns KEYS and round of PROPOSALS; a network that several searches found is proposed once.
    """
    networks = derived[["channels", "architecture"]].drop_duplicates()
    return networks.merge(settings, how="cross")[KEYS].assign(round=0)


def propose(given: ProposalInput) -> pd.DataFrame:
    """Propose the derived networks; the search time is the sum over all epochs of all searches."""
    searched_s = given.tables[ALL_CELL_SEARCHES_RESULT.name]["seconds"].sum()
    return propose_derived(given.tables[DERIVED_RESULT.name], given.settings).assign(search_s=searched_s)


STRATEGY = StrategyDeclaration(
    words="networks of cells that `cell_search` derives within budgets, instead of those of the grid",
    propose=propose,
    reads=(DERIVED_RESULT, ALL_CELL_SEARCHES_RESULT),
    optional=(),
    is_compared=False,
    position=80,
)
