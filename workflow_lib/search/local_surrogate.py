"""The strategy `surrogate` in a space that is too large to enumerate: local search of the expected improvement."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from workflow_lib.core.seeds import derive_seed
from workflow_lib.search.surrogate_goals import Goal
from workflow_lib.search.surrogate_search import Surrogate
from workflow_lib.search.surrogate_tables import MIN_KNOWN

Numbers = NDArray[np.float64]
Described = tuple[list[str], Numbers, Goal]
"""Names of candidates within a budget, their features, and the goal with their costs."""

_STEPS, _STARTS = 3, 4
"""Steps of the local search in each round, and the number of candidates whose neighbours each step adds."""


class LocalSurrogate:
    """Proposes candidates like `Surrogate`, from a pool that local search extends in each round.

    The pool has some random candidates and those that were proposed. Each step of the local search adds the neighbours,
    in one choice, of the best trained candidates and of those with the highest expected improvement.

    Args:
        drawn: names of random candidates.
        neighbours: function from a name to the names that differ from it in one choice.
        describe: function that describes the candidates of a pool; it leaves out those that are not within a budget.
        seed: seed of the random proposals.
        min_gain_pct: see `Surrogate`.
    """

    def __init__(
        self,
        drawn: Sequence[str],
        neighbours: Callable[[str], Sequence[str]],
        describe: Callable[[Sequence[str]], Described],
        seed: int,
        min_gain_pct: float = 0.0,
    ) -> None:
        self._drawn, self._neighbours, self._describe = list(drawn), neighbours, describe
        self._seed, self._min_gain_pct = seed, min_gain_pct
        self._proposed: dict[str, None] = {}
        self._accuracy: dict[str, float] = {}
        self._random = 0

    def propose(self, count: int) -> list[str]:
        """Propose at most `count` new candidates."""
        pool = dict.fromkeys([*self._drawn, *self._proposed])
        surrogate = self._surrogate(pool)
        for _ in range(_STEPS if len(self._accuracy) >= MIN_KNOWN else 0):
            starts = surrogate.promising(_STARTS)
            pool |= dict.fromkeys(other for name in starts for other in self._neighbours(name))
            surrogate = self._surrogate(pool)
        proposed = surrogate.propose(count)
        self._random = surrogate.random_draws
        self._proposed |= dict.fromkeys(proposed)
        return proposed

    def tell(self, rewards: Mapping[str, float]) -> None:
        """Store the accuracies of proposed candidates (percent)."""
        self._accuracy |= rewards

    def _surrogate(self, pool: Mapping[str, None]) -> Surrogate:
        described = self._describe(list(pool))
        seed = derive_seed(self._seed, "local_surrogate", len(self._proposed))
        surrogate = Surrogate(*described, seed, self._min_gain_pct)
        surrogate.resume(list(self._proposed), self._random, self._drawn)
        surrogate.tell(self._accuracy)
        return surrogate
