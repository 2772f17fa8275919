"""Train proposals of NNI's tree-structured Parzen estimator (Bergstra et al. 2011)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.search.strategy_declaration import StrategyDeclaration, StrategyInput

if TYPE_CHECKING:
    from workflow_lib.search.strategy_declaration import Strategy


def make(given: StrategyInput) -> Strategy:
    """Make the strategy."""
    from workflow_lib.search.nni_tuners import Tuner
    from workflow_lib.search.proposers import WithRandomFill

    return WithRandomFill(Tuner(given.space, "tpe", given.seed), given.space, given.seed)


STRATEGY = StrategyDeclaration(
    words="candidates that a tree-structured Parzen estimator proposes (NNI's TPE)",
    make=make,
    learns=True,
    position=60,
)
