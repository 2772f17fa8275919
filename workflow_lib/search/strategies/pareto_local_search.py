"""Train the neighbours of the front found so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.search.strategy_declaration import StrategyDeclaration, StrategyInput

if TYPE_CHECKING:
    from workflow_lib.search.strategy_declaration import Strategy


def make(given: StrategyInput) -> Strategy:
    """Make the strategy."""
    from workflow_lib.search.pareto_local_search import ParetoLocalSearch
    from workflow_lib.search.proposers import WithRandomFill

    strategy = ParetoLocalSearch(given.space, given.seed, given.first_draws, given.costs)
    return WithRandomFill(strategy, given.space, given.seed)


STRATEGY = StrategyDeclaration(
    words="neighbours, in one choice, of the front found so far (Pareto local search)",
    make=make,
    learns=True,
    rewarded_by_accuracy=True,
    position=42,
)
