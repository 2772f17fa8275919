"""Train the offspring of the best candidates so far, by non-dominated sorting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.search.strategy_declaration import StrategyDeclaration, StrategyInput

if TYPE_CHECKING:
    from workflow_lib.search.strategy_declaration import Strategy


def make(given: StrategyInput) -> Strategy:
    """Make the strategy."""
    from workflow_lib.search.optuna_search import OptunaSearch, nsga2
    from workflow_lib.search.proposers import WithRandomFill

    sampler = nsga2(given.seed, given.first_draws)
    return WithRandomFill(OptunaSearch(given.space, sampler, given.costs), given.space, given.seed)


STRATEGY = StrategyDeclaration(
    words="offspring of the best candidates so far, by non-dominated sorting and crowding (Optuna's NSGA-II)",
    make=make,
    learns=True,
    rewarded_by_accuracy=True,
    position=40,
)
