"""Means over different folds made comparable: some folds are harder than others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class FoldMeans:
    """Accuracies of candidates, each trained on its own number of first folds.

    Attributes:
        means: (n,) mean accuracies, as expected over all folds (percent).
        counts: (n,) numbers of folds.
        fold_variance: variance of one accuracy of a candidate around its mean (percent squared); NaN if no candidate
            has two folds.
    """

    means: Numbers
    counts: NDArray[np.intp]
    fold_variance: float

    @property
    def extra_variances(self) -> Numbers:
        """(n,) variance of each mean beyond that of the means with most folds (percent squared)."""
        if not np.isfinite(self.fold_variance):
            return np.zeros(len(self.means))
        extra: Numbers = self.fold_variance * (1 / self.counts - 1 / self.counts.max())
        return extra


def fold_means(accuracies: Sequence[Sequence[float]]) -> FoldMeans:
    """Average the accuracies of each candidate, corrected for the difficulty of its folds.

    An accuracy is the sum of the candidate's mean, the effect of its fold and an error. The effects are fitted by
    least squares to the candidates with several folds, and are 0 on average over the folds that were used.

    Args:
        accuracies: accuracies of each candidate on its first folds (percent); at least one each.

    >>> found = fold_means([[90.0, 80.0], [92.0, 82.0], [94.0]])
    >>> found.means.tolist(), found.counts.tolist(), round(found.fold_variance, 6)
    ([85.0, 87.0, 89.0], [2, 2, 1], 0.0)
    """
    counts = np.array([len(values) for values in accuracies], dtype=np.intp)
    folds = int(counts.max())
    candidate = np.repeat(np.arange(len(counts)), counts)
    fold = np.concatenate([np.arange(count) for count in counts])
    values = np.concatenate([np.asarray(each, dtype=np.float64) for each in accuracies])
    # Effects of all folds but the first; those of one candidate's mean are eliminated.
    indicators = (fold[:, None] == np.arange(1, folds)).astype(np.float64)
    centred = indicators - _means(indicators, candidate, counts)[candidate]
    residuals = values - _means(values[:, None], candidate, counts)[candidate, 0]
    effects = np.append(0.0, np.linalg.lstsq(centred, residuals, rcond=None)[0]) if folds > 1 else np.zeros(1)
    effects -= effects.mean()
    means = _means((values - effects[fold])[:, None], candidate, counts)[:, 0]
    freedom = len(values) - len(counts) - (folds - 1)
    errors = values - effects[fold] - means[candidate]
    return FoldMeans(means, counts, float((errors**2).sum() / freedom) if freedom > 0 else np.nan)


def _means(columns: Numbers, candidate: NDArray[np.intp], counts: NDArray[np.intp]) -> Numbers:
    sums = np.zeros((len(counts), columns.shape[1]))
    np.add.at(sums, candidate, columns)
    means: Numbers = sums / counts[:, None]
    return means
