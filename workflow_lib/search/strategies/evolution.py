"""Train proposals of NNI's evolution tuner (Real et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.search.strategy_declaration import StrategyDeclaration, StrategyInput

if TYPE_CHECKING:
    from workflow_lib.search.strategy_declaration import Strategy


def make(given: StrategyInput) -> Strategy:
    """Make the strategy."""
    from workflow_lib.search.nni_tuners import Tuner
    from workflow_lib.search.proposers import WithRandomFill

    tuner = Tuner(given.space, "evolution", given.seed, given.first_draws)
    return WithRandomFill(tuner, given.space, given.seed)


STRATEGY = StrategyDeclaration(
    words="mutations of the best candidates so far (NNI's evolution)",
    make=make,
    learns=True,
    position=50,
)
