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

    # NNI removes one network of the population per proposal, and adds it again with its reward.
    population = max(given.first_random, given.search.round_candidates + 2)
    tuner = Tuner(given.space, "evolution", given.seed, population)
    return WithRandomFill(tuner, given.space, given.seed)


STRATEGY = StrategyDeclaration(
    words="mutations of the best candidates so far (NNI's evolution)",
    make=make,
    learns=True,
    position=50,
)
