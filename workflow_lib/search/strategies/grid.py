"""Train every candidate of the grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.search.strategy_declaration import StrategyDeclaration, StrategyInput

if TYPE_CHECKING:
    from workflow_lib.search.strategy_declaration import Strategy


def make(given: StrategyInput) -> Strategy:
    """Make the strategy."""
    from workflow_lib.search.proposers import grid

    return grid(given.space)


STRATEGY = StrategyDeclaration(
    words="all candidates of the grid",
    make=make,
    draws=False,
    is_compared=False,
    position=0,
)
