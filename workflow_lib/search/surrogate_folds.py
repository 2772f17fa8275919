"""The strategy `surrogate` with folds as its fidelity: few folds first, more where the front is undecided."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from workflow_lib.search.fold_effects import FoldMeans, fold_means
from workflow_lib.search.gaussian_process import Posterior
from workflow_lib.search.surrogate_goals import Goal, Progress
from workflow_lib.search.surrogate_search import missing_random, without_outliers
from workflow_lib.search.surrogate_tables import MIN_KNOWN

Numbers = NDArray[np.float64]

_CERTAIN = 1e-9
"""Standard deviation of a mean that does not move."""


def fold_posterior(
    features: Numbers, rows: NDArray[np.integer], accuracies: Sequence[Sequence[float]]
) -> tuple[FoldMeans, Posterior]:
    """Fit the model of the accuracy to candidates that were trained on their own numbers of folds.

    Args:
        features: (n, d) features of all candidates.
        rows: (k,) trained candidates, k at least 2.
        accuracies: their accuracies on their first folds (percent).
    """
    found = fold_means(accuracies)
    return found, Posterior(features, rows, without_outliers(found.means), found.extra_variances)


class SurrogateByFolds:
    """Proposes the trainings of single folds that are expected to add most to what a search looks for.

    An action trains the next few folds of a candidate. Its value is the expected increase of the goal that is believed
    after it: for a new candidate what it adds, for a known one what a change of its mean would add or take away. So
    more folds go to candidates whose place is undecided, and none to those that are certain.

    Args:
        candidates: n names.
        features: (n, d) features from which the accuracy is predicted; see `surrogate_search.describe_candidates`.
        goal: what the search looks for, with the costs of the candidates.
        folds: number of folds of the run.
        step: number of folds that an action trains.
        seed: seed of the random draws.

    Source: knowledge gradient (Frazier, Powell and Dayanik 2008) of the hypervolume with known costs.
    """

    def __init__(
        self, candidates: Sequence[str], features: Numbers, goal: Goal, folds: int, step: int, seed: int
    ) -> None:
        self._candidates, self._features, self._goal = list(candidates), features, goal
        self._folds, self._step = folds, step
        self._rows = {name: row for row, name in enumerate(candidates)}
        self._planned = np.zeros(len(self._candidates), dtype=np.intp)  # folds that are trained or proposed
        self._accuracies: dict[int, Sequence[float]] = {}
        self._generator = np.random.default_rng(seed)
        self._random = 0

    def propose_folds(self, count: int) -> dict[str, int]:
        """Propose at most `count` actions: name -> number of first folds that the candidate shall then have."""
        new = np.flatnonzero(self._planned == 0)
        enough = len(self._accuracies) >= MIN_KNOWN
        random = missing_random(int((self._planned > 0).sum()) + count, self._random) if enough else count
        random = min(random, count, len(new))
        rows = self._goal.draw(new, random, self._generator, self._random)
        self._random += random
        before, failed = self._planned.copy(), self._failed
        self._plan(rows)
        if random < count and enough:
            self._most_valuable(count - random, rows, failed)
        return {self._candidates[row]: int(self._planned[row]) for row in np.flatnonzero(self._planned > before)}

    def tell_folds(self, accuracies: Mapping[str, Sequence[float]]) -> None:
        """Store the accuracies of candidates on all their folds so far (percent)."""
        for name, values in accuracies.items():
            self._accuracies[self._rows[name]] = values

    def best(self) -> list[str]:
        """Return the candidates that are believed to reach the goal; all known ones if they are too few for a model."""
        rows = list(self._accuracies)
        if len(rows) >= MIN_KNOWN:
            known, _, posterior = self._model()
            rows = self._goal.best(posterior.mean, known)
        return [self._candidates[row] for row in rows]

    def complete(self) -> dict[str, int]:
        """Propose the missing folds of every candidate that is believed to reach the goal."""
        is_open = (self._planned < self._folds) & ~self._failed
        return {name: self._folds for name in self.best() if is_open[self._rows[name]]}

    @property
    def _failed(self) -> NDArray[np.bool_]:
        """(n,) mask of the candidates of which a training failed, before the trainings of this round are proposed."""
        told = np.zeros_like(self._planned)
        for row, values in self._accuracies.items():
            told[row] = len(values)
        return self._planned > told

    def _model(self) -> tuple[NDArray[np.intp], FoldMeans, Posterior]:
        known = np.array(sorted(self._accuracies), dtype=np.intp)
        return known, *fold_posterior(self._features, known, [self._accuracies[row] for row in known])

    def _plan(self, rows: Sequence[int]) -> None:
        for row in rows:
            self._planned[row] = min(self._planned[row] + self._step, self._folds)

    def _most_valuable(self, count: int, drawn: Sequence[int], failed: NDArray[np.bool_]) -> None:
        """Plan the most valuable actions one by one; each counts as done, with its expected accuracy, for the next.

        Args:
            count: number of actions.
            drawn: rows of the candidates that this round draws at random.
            failed: (n,) mask of the candidates of which a training failed.
        """
        known, found, posterior = self._model()
        variance = found.fold_variance
        if not np.isfinite(variance):  # all have one fold; then all noise is that of one fold
            variance = posterior.noise_variance
        progress_of = self._goal.begin(posterior.mean)
        members = [*map(int, known), *drawn]
        for row in drawn:
            posterior.condition(row, variance / self._step)
        for _ in range(count):
            shift = posterior.deviation**2 / np.sqrt(posterior.deviation**2 + variance / self._step)
            progress = progress_of(members)
            value = progress.improvement(posterior.mean, shift, self._goal.costs)
            # Other known candidates add nothing now, so this is already what a change of their mean would add.
            for row in self._goal.best(posterior.mean, np.array(members)):
                if self._planned[row] < self._folds and not failed[row]:
                    value[row] = self._value_of_more(row, members, posterior.mean[row], shift[row], progress_of)
            value[failed | (self._planned >= self._folds)] = -1.0
            best = int(value.argmax())
            if value[best] <= 0:
                return
            self._plan([best])
            if best not in members:
                members.append(best)
            posterior.condition(best, variance / self._step)

    def _value_of_more(
        self, row: int, members: Sequence[int], mean: float, shift: float, progress_of: Callable[[list[int]], Progress]
    ) -> float:
        """Expected increase of the goal if the mean of a known candidate moves by a normal `shift`."""
        others = progress_of([member for member in members if member != row])
        costs = self._goal.costs[[row, row]]
        moved, still = others.improvement(np.array([mean, mean]), np.array([shift, _CERTAIN]), costs)
        return float(moved - still)
