"""The strategy `surrogate`: a model of accuracy, exact costs, and expected hypervolume improvement."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.gaussian_process.kernels import Kernel

from workflow_lib.search.gaussian_process import Posterior
from workflow_lib.search.surrogate_goals import Goal
from workflow_lib.search.surrogate_tables import MIN_KNOWN, SHARED_ACCURACY
from workflow_lib.spaces.space import Space

Numbers = NDArray[np.float64]

_ENOUGH_RANDOM = 32
"""Number of random draws after which the model alone proposes."""

_REFIT = 1.25
"""Growth of the number of accuracies after which the kernel is fitted again, which takes most of a search's time."""


class Surrogate:
    """Proposes the candidates whose training is expected to add most to what a search looks for.

    Costs are known before training, and only the accuracy is uncertain, so a candidate that cannot reach the goal at
    any likely accuracy is never proposed. A batch is chosen one by one: each choice counts as trained, with its
    expected accuracy, for the next.

    Args:
        candidates: n names.
        features: (n, d) features from which the accuracy is predicted; see `describe_candidates`.
        goal: what the search looks for, with the costs of the candidates.
        seed: seed of the random proposals.
        min_gain_pct: the search ends once no candidate is expected to add this share to the total (percent).

    Source: expected hypervolume improvement (Emmerich et al. 2006) with a Gaussian process (Jones et al. 1998).
    """

    def __init__(
        self, candidates: Sequence[str], features: Numbers, goal: Goal, seed: int, min_gain_pct: float = 0.0
    ) -> None:
        self._candidates, self._features, self._goal = list(candidates), features, goal
        self._rows = {name: row for row, name in enumerate(candidates)}
        self._accuracy = np.full(len(self._candidates), np.nan)
        self._open = np.ones(len(self._candidates), dtype=bool)
        self._drawable = np.ones(len(self._candidates), dtype=bool)
        self._generator = np.random.default_rng(seed)
        self._min_gain, self.random_draws = min_gain_pct / 100, 0
        self._kernel: Kernel | None = None
        self._fitted_with = 0

    def resume(self, proposed: Sequence[str], random_draws: int, drawable: Sequence[str]) -> None:
        """Continue a search with other candidates than before.

        Args:
            proposed: those that were proposed; they are not proposed again.
            random_draws: number of them that were drawn at random.
            drawable: those that may be drawn at random.
        """
        self._open[[self._rows[name] for name in proposed]] = False
        self._drawable[:] = False
        self._drawable[[self._rows[name] for name in drawable]] = True
        self.random_draws = random_draws

    def propose(self, count: int) -> list[str]:
        """Propose at most `count` new candidates."""
        count = min(count, int(self._open.sum()))
        known = int(np.isfinite(self._accuracy).sum())
        missing = missing_random(int((~self._open).sum()) + count, self.random_draws)
        random = count if known < MIN_KNOWN else min(count, missing)
        drawable = np.flatnonzero(self._open & self._drawable)
        random = min(random, len(drawable))
        rows = self._choose(self._goal.draw(drawable, random, self._generator, self.random_draws))
        self.random_draws += random
        if random < count and known >= MIN_KNOWN:
            rows += self._choose(self._batch(count - random))
        return [self._candidates[row] for row in rows]

    def _choose(self, rows: list[int]) -> list[int]:
        self._open[rows] = False
        return rows

    def tell(self, rewards: Mapping[str, float]) -> None:
        """Store the accuracies of proposed candidates (percent)."""
        for name, accuracy in rewards.items():
            self._accuracy[self._rows[name]] = accuracy

    def promising(self, count: int) -> list[str]:
        """Return the best trained candidates, and the `count` others that are expected to add most."""
        known, posterior = self._model()
        progress = self._goal.begin(posterior.mean)(known.tolist())
        gain = progress.improvement(posterior.mean, posterior.deviation, self._goal.costs)
        gain[~self._open] = -1.0
        others = np.argsort(-gain, kind="stable")[:count].tolist()
        return [self._candidates[row] for row in dict.fromkeys([*self._goal.best(posterior.mean, known), *others])]

    def _model(self) -> tuple[NDArray[np.intp], Posterior]:
        known = np.flatnonzero(np.isfinite(self._accuracy))
        if len(known) >= _REFIT * self._fitted_with:
            self._kernel, self._fitted_with = None, len(known)
        values = without_outliers(self._accuracy[known])
        posterior = Posterior(self._features, known, values, fitted=self._kernel)
        self._kernel = posterior.whole_kernel
        return known, posterior

    def _batch(self, count: int) -> list[int]:
        known, posterior = self._model()
        is_open = self._open.copy()
        chosen = greedy_batch(self._goal, posterior, known.tolist(), is_open, count, self._min_gain)
        if not chosen and self._min_gain:
            return []
        while len(chosen) < count:  # nothing is expected of any candidate: learn about the least certain ones
            is_open[chosen] = False
            chosen.append(int(np.where(is_open, posterior.deviation, -1.0).argmax()))
            posterior.condition(chosen[-1])
        return chosen


def greedy_batch(
    goal: Goal,
    posterior: Posterior,
    trained: Sequence[int],
    is_open: NDArray[np.bool_],
    count: int,
    min_gain: float = 0.0,
) -> list[int]:
    """Choose candidates one by one that are expected to add most; each counts as trained for the next.

    Args:
        goal: what the search looks for.
        posterior: the model of the accuracy, which is conditioned on each choice.
        trained: rows of the trained candidates.
        is_open: (n,) mask of the candidates that may be chosen.
        count: maximum number of candidates; fewer if no other is expected to add anything.
        min_gain: none is chosen if the first is expected to add less than this share of the total.
    """
    # The expected accuracies, not the measured ones: the best of noisy ones are lucky, and hide better candidates.
    progress_of = goal.begin(posterior.mean)
    members, chosen = list(trained), list[int]()
    while len(chosen) < count:
        progress = progress_of(members)
        gain = progress.improvement(posterior.mean, posterior.deviation, goal.costs)
        gain[~is_open] = -1.0
        gain[chosen] = -1.0
        best = int(gain.argmax())
        if gain[best] <= 0 or (not chosen and gain[best] < min_gain * progress.total):
            break
        chosen.append(best)
        members.append(best)
        posterior.condition(best)
    return chosen


def missing_random(proposed: int, drawn: int) -> int:
    """Number of random draws that are missing among all proposals: a third of them, until they are enough.

    A model needs them most where accuracies are noisy. The number does not depend on the budget, so that a search with
    a larger budget continues the earlier one.

    Args:
        proposed: number of candidates proposed so far, with those of this round.
        drawn: number of candidates drawn at random so far.

    >>> missing_random(24, 5), missing_random(400, 20), missing_random(12, 8)
    (3, 12, 0)
    """
    return max(0, min(proposed // 3, _ENOUGH_RANDOM) - drawn)


def without_outliers(accuracy: Numbers) -> Numbers:
    """Raise very low accuracies: such networks cannot reach the front, and how bad they are would distort the model.

    The limit is twice as far below the median as the best is above it.

    >>> without_outliers(np.array([10.0, 80.0, 90.0, 95.0, 92.0])).tolist()
    [80.0, 80.0, 90.0, 95.0, 92.0]
    """
    median = np.median(accuracy)
    raised: Numbers = np.maximum(accuracy, median - 2 * (accuracy.max() - median))
    return raised


def describe_candidates(space: Space, known: pd.DataFrame, costs: Sequence[str]) -> Numbers:
    """Compute the features from which the accuracy of candidates is predicted.

    They are the choices (logarithms of numbers, and 0 or 1 for each text value), how often each text value occurs among
    the choices, the logarithms of parameters, multiply-adds and the costs that are objectives, and the accuracy with
    shared weights if there is one.

    Args:
        space: the space of candidates.
        known: one row per candidate: `candidate`, `parameters`, `multiply_adds`, the costs, and SHARED_ACCURACY if a
            supernet was trained.
        costs: columns of the costs that are objectives.

    Returns:
        (n, d) features: 0 or 1 for text values; all others have mean 0 and standard deviation 1.
    """
    choices = pd.DataFrame([dict(space.parse(name)) for name in known["candidate"]])
    sizes = known[list(dict.fromkeys(["parameters", "multiply_adds", *costs]))].to_numpy(dtype=np.float64)
    features = choice_features(choices, sizes)
    if SHARED_ACCURACY not in known:
        return features
    return np.column_stack([features, standardise(known[[SHARED_ACCURACY]].to_numpy(dtype=np.float64))])


def choice_features(choices: pd.DataFrame, sizes: Numbers) -> Numbers:
    """Compute the features of candidates from their choices and sizes; see `describe_candidates`.

    Args:
        choices: n rows with a column per choice, of numbers or text.
        sizes: (n, k) sizes and costs, not negative.
    """
    numeric = choices.select_dtypes("number")
    texts = choices.drop(columns=numeric.columns).astype(str)
    values = sorted(set(texts.to_numpy().ravel()))
    counts = [(texts == value).sum(axis=1).to_numpy(dtype=np.float64) for value in values]
    logarithms = np.log(np.column_stack([numeric.to_numpy(dtype=np.float64), sizes]) + 1)
    one_by_one = pd.get_dummies(texts).to_numpy(dtype=np.float64)
    return np.column_stack([one_by_one, standardise(np.column_stack([logarithms, *counts]))])


def standardise(features: Numbers) -> Numbers:
    """Shift and scale each feature to mean 0 and standard deviation 1; constant and repeated ones are left out.

    >>> standardise(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()
    [[-1.0], [1.0]]
    """
    varying = features[:, features.std(axis=0) > 0]
    scaled = (varying - varying.mean(axis=0)) / varying.std(axis=0)
    _, first = np.unique(scaled.round(9), axis=1, return_index=True)
    kept: Numbers = scaled[:, np.sort(first)]
    return kept
