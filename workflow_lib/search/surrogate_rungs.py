"""The strategy `surrogate` by successive halving over epochs: most candidates train for a part of the epochs only."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from workflow_lib.core.seeds import derive_seed
from workflow_lib.pareto.dominance import pareto_ranks
from workflow_lib.search.gaussian_process import Posterior
from workflow_lib.search.strategy_declaration import RungInput
from workflow_lib.search.surrogate_goals import Goal
from workflow_lib.search.surrogate_search import greedy_batch, missing_random, without_outliers
from workflow_lib.search.surrogate_tables import MIN_KNOWN

Numbers = NDArray[np.float64]


def final_accuracies(observed: Mapping[int, Mapping[str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Estimate accuracies after all epochs from the latest known ones.

    From one part of the epochs to the next, all candidates are assumed to gain the mean gain of those that are known at
    both, and the variance of these gains is that of the estimate. Promoted candidates were lucky in part, so their gain
    is a cautious estimate for the others.

    Args:
        observed: n -> accuracies after 1/n of the epochs, by name (percent).

    Returns:
        Name -> estimated accuracy (percent), and name -> variance of the estimate.

    >>> final_accuracies({3: {"a": 70.0, "b": 60.0, "c": 50.0}, 1: {"a": 80.0, "b": 72.0}})
    ({'a': 80.0, 'b': 72.0, 'c': 61.0}, {'a': 0.0, 'b': 0.0, 'c': 2.0})
    """
    gain, variance, later = 0.0, 0.0, dict[str, float]()
    accuracies: dict[str, float] = {}
    variances: dict[str, float] = {}
    for part in sorted(observed):
        known = observed[part]
        gains = [later[name] - accuracy for name, accuracy in known.items() if name in later]
        if gains:
            gain += float(np.mean(gains))
            variance += float(np.var(gains, ddof=1)) if len(gains) > 1 else 0.0
        for name, accuracy in known.items():
            accuracies.setdefault(name, accuracy + gain)
            variances.setdefault(name, variance)
        later = dict(known)
    return accuracies, variances


class SurrogateByRungs:
    """Proposes the candidates of a rung by what they are expected to add once they are trained to the end.

    New candidates are chosen as by `Surrogate`. Those that continue are chosen among the candidates of the rung before,
    whose accuracies so far the model knows.

    Args:
        candidates: n names.
        features: (n, d) features from which the accuracy is predicted; see `surrogate_search.describe_candidates`.
        goal: what the search looks for, with the costs of the candidates.
        rung: the rung.
        seed: seed of the random draws.
    """

    def __init__(self, candidates: Sequence[str], features: Numbers, goal: Goal, rung: RungInput, seed: int) -> None:
        self._candidates, self._features, self._goal, self._rung = list(candidates), features, goal, rung
        self._rows = {name: row for row, name in enumerate(candidates)}
        self._accuracies, self._variances = final_accuracies(rung.observed)
        self._generator = np.random.default_rng(derive_seed(seed, "rungs", len(rung.starts)))

    def start(self) -> list[str]:
        """Propose new candidates, the first of them at random."""
        is_open = np.ones(len(self._candidates), dtype=bool)
        is_open[[self._rows[name] for names in self._rung.starts for name in names]] = False
        count = min(self._rung.count, int(is_open.sum()))
        random, drawn = self._random_draws(count)
        rows = self._goal.draw(np.flatnonzero(is_open), random, self._generator, drawn)
        is_open[rows] = False
        if random < count:
            rows += self._best(count - random, is_open)
        return [self._candidates[row] for row in rows]

    def promote(self) -> list[str]:
        """Choose the candidates of the rung before that continue."""
        judged = np.array([self._rows[name] for name in self._rung.judged], dtype=np.intp)
        if len(judged) < MIN_KNOWN:
            return [self._candidates[row] for row in judged[: self._rung.count]]
        is_open = np.zeros(len(self._candidates), dtype=bool)
        is_open[judged] = True
        return [self._candidates[row] for row in self._best(self._rung.count, is_open)]

    def _random_draws(self, count: int) -> tuple[int, int]:
        """Number of random draws among new candidates, and before; all are random if no model can be fitted."""
        drawn = proposed = 0
        for number, names in enumerate(self._rung.starts):
            proposed += len(names)
            drawn += len(names) if number == 0 else min(len(names), missing_random(proposed, drawn))
        if len(self._accuracies) < MIN_KNOWN:
            return count, drawn
        return min(count, missing_random(proposed + count, drawn)), drawn

    def _best(self, count: int, is_open: NDArray[np.bool_]) -> list[int]:
        """Choose open candidates that add most to those that are trained to the end; then by Pareto rank."""
        known = np.array([self._rows[name] for name in self._accuracies], dtype=np.intp)
        values = without_outliers(np.array(list(self._accuracies.values())))
        posterior = Posterior(self._features, known, values, np.array(list(self._variances.values())))
        finished = [self._rows[name] for name in self._rung.observed.get(1, {})]
        chosen = greedy_batch(self._goal, posterior, finished, is_open, count)
        left = np.flatnonzero(is_open & ~np.isin(np.arange(len(is_open)), chosen))
        ranks = pareto_ranks(np.column_stack([-posterior.mean[left], self._goal.costs[left]]))
        order = np.lexsort((-posterior.mean[left], ranks))
        return [*chosen, *left[order][: count - len(chosen)].tolist()]
