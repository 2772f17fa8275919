"""Train many candidates for few epochs, and only the best of them, by Pareto rank, for more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from workflow_lib.core.section import Section
from workflow_lib.search.strategy_declaration import RungInput, StrategyDeclaration, StrategyInput

if TYPE_CHECKING:
    from numpy.typing import NDArray


class HalvingConfig(Section):
    """Settings of the strategy `halving`."""

    reduction: int = Field(
        default=3,
        ge=2,
        description="one in this many candidates continues to the next rung, where it trains for this many times the "
        "epochs",
    )
    rungs: int = Field(
        default=3,
        ge=2,
        description="number of rungs; with 3 rungs and reduction 3, candidates train for 1/9, 1/3 and all",
    )

    def part(self, rung: int) -> int:
        """Return n, where a candidate trains for 1/n of its epochs up to a rung.

        >>> [HalvingConfig().part(rung) for rung in range(3)]
        [9, 3, 1]
        """
        return int(self.reduction ** (self.rungs - 1 - rung))

    def promoted(self, judged: int) -> int:
        """Return how many of some candidates continue to the next rung.

        >>> HalvingConfig().promoted(10)
        4
        """
        return -(-judged // self.reduction)

    def finished(self, budget: int) -> int:
        """Return how many candidates are trained to the end, with a budget as in `first_candidates`.

        >>> HalvingConfig().finished(budget=7)
        3
        """
        count = self.first_candidates(budget)
        for _ in range(1, self.rungs):
            count = self.promoted(count)
        return count

    def first_candidates(self, budget: int) -> int:
        """Return how many candidates the first rung trains, so that all rungs cost as much as a budget.

        Args:
            budget: number of candidates whose whole training would cost as much.

        >>> HalvingConfig().first_candidates(budget=7)
        27
        """
        # The first rung costs one part of the epochs per candidate. Each later one costs the rest up to its part.
        cost = 1 / self.part(0) + sum(
            (1 / self.part(rung) - 1 / self.part(rung - 1)) / self.reduction**rung for rung in range(1, self.rungs)
        )
        return max(int(budget / cost + 1e-9), 1)


def propose_rung(given: StrategyInput, rung: RungInput) -> Sequence[str]:
    """Propose the candidates of a rung: random ones first, then the best of the rung before by Pareto rank.

    Candidates of one rank come in the order of their crowding distance.

    Args:
        given: the candidates and their costs.
        rung: the rung.

    Source: successive halving (Jamieson and Talwalkar 2016) by Pareto rank (Salinas et al. 2021, MO-ASHA).
    """
    import numpy as np

    from workflow_lib.search.proposers import front_filter, random

    if rung.number == 0:
        return random(given.space, given.seed).propose(rung.count)
    names, costs = list(rung.judged), given.costs
    losses: NDArray[np.float64] = np.array([[-accuracy, *costs[name]] for name, accuracy in rung.judged.items()])
    return front_filter(names, losses).propose(rung.count)


STRATEGY = StrategyDeclaration(
    words="successive halving: many candidates for a part of their epochs, and the best of them, by Pareto rank, for "
    "all epochs",
    propose_rung=propose_rung,
    settings=HalvingConfig,
    learns=True,
    rewarded_by_accuracy=True,
    is_compared=False,
    position=37,
)
