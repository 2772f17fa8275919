"""Train proposals of a multi-objective tree-structured Parzen estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.search.strategy_declaration import StrategyDeclaration, StrategyInput

if TYPE_CHECKING:
    from workflow_lib.search.strategy_declaration import Strategy


def make(given: StrategyInput) -> Strategy:
    """Make the strategy."""
    from workflow_lib.search.optuna_search import OptunaSearch, motpe
    from workflow_lib.search.proposers import WithRandomFill

    sampler = motpe(given.seed, given.first_draws)
    return WithRandomFill(OptunaSearch(given.space, sampler, given.costs), given.space, given.seed)


STRATEGY = StrategyDeclaration(
    words="candidates that a multi-objective tree-structured Parzen estimator proposes (Optuna's TPE)",
    make=make,
    learns=True,
    rewarded_by_accuracy=True,
    position=41,
)
