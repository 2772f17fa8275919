"""Train the front of low latency and many multiply-adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.search.strategy_declaration import StrategyDeclaration, StrategyInput

if TYPE_CHECKING:
    from workflow_lib.search.strategy_declaration import Strategy


def make(given: StrategyInput) -> Strategy:
    """Make the strategy."""
    from workflow_lib.search.proposal_rounds import flops_proxies
    from workflow_lib.search.proposers import front_filter

    return front_filter(given.known["candidate"].tolist(), flops_proxies(given.known))


STRATEGY = StrategyDeclaration(
    words="the front of low latency and many multiply-adds, known before training",
    make=make,
    draws=False,
    position=20,
)
