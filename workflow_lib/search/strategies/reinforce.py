"""Train candidates drawn from a policy that learns from rewards (REINFORCE, Williams 1992)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.search.strategy_declaration import StrategyDeclaration, StrategyInput

if TYPE_CHECKING:
    from workflow_lib.search.strategy_declaration import Strategy


def make(given: StrategyInput) -> Strategy:
    """Make the strategy."""
    from workflow_lib.search.proposers import Reinforce, WithRandomFill

    return WithRandomFill(Reinforce(given.space, given.seed), given.space, given.seed)


STRATEGY = StrategyDeclaration(
    words="candidates drawn from a policy that learns from rewards (REINFORCE)",
    make=make,
    learns=True,
    position=40,
)
