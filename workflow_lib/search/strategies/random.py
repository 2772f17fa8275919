"""Train candidates in random order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.search.strategy_declaration import StrategyDeclaration, StrategyInput

if TYPE_CHECKING:
    from workflow_lib.search.strategy_declaration import Strategy


def make(given: StrategyInput) -> Strategy:
    """Make the strategy."""
    from workflow_lib.search.proposers import random

    return random(given.space, given.seed)


STRATEGY = StrategyDeclaration(
    words="candidates in random order",
    make=make,
    position=30,
)
