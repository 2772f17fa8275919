"""Train the front of speed and utilization, which are known before training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.search.strategy_declaration import StrategyDeclaration, StrategyInput

if TYPE_CHECKING:
    from workflow_lib.search.strategy_declaration import Strategy


def make(given: StrategyInput) -> Strategy:
    """Make the strategy."""
    from workflow_lib.search.proposal_rounds import filter_proxies
    from workflow_lib.search.proposers import front_filter

    return front_filter(given.known["candidate"].tolist(), filter_proxies(given.known))


STRATEGY = StrategyDeclaration(
    words="the front of latency and multiply-adds per millisecond, known before training (of throughput and "
    "utilization, if `utilization` measures them)",
    make=make,
    draws=False,
    position=10,
)
