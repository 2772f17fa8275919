"""Comparisons of two classifiers on the same chips: McNemar's test and a bootstrap over chips or spatial blocks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from workflow_lib.analysis.kept_predictions import Integers, KeptPredictions, Numbers

RESAMPLES = 2000


def mcnemar_p(only_first: int, only_second: int) -> float:
    """Two-sided p value of McNemar's exact test that two classifiers err equally often.

    Args:
        only_first: chips that only the first classifier gets right.
        only_second: chips that only the second classifier gets right.

    >>> mcnemar_p(only_first=5, only_second=0)
    0.0625

    Source: McNemar 1947, with the exact binomial distribution.
    """
    differing = only_first + only_second
    return float(binomtest(only_first, differing).pvalue) if differing else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values for the number of tests.

    >>> [round(value, 3) for value in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]

    Source: Holm 1979.
    """
    order = np.argsort(p_values, kind="stable")
    scaled = np.array(p_values)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return [float(value) for value in adjusted]


def bootstrap_mean(
    values: Numbers, clusters: Integers, resamples: int, seed: int, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of a mean, by a bootstrap that draws whole clusters.

    Args:
        values: (n,) values.
        clusters: (n,) cluster of each value; values of one cluster are not independent.
        resamples: number of resamples.
        seed: seed of the resamples.
        level: confidence level.

    Returns:
        Lower and upper end.

    >>> bootstrap_mean(np.array([1.0, 1.0]), np.array([0, 1]), resamples=10, seed=0)
    (1.0, 1.0)

    Source: Davison and Hinkley 1997, section 3.8 (resampling of clusters).
    """
    _, numbers = np.unique(clusters, return_inverse=True)
    sums, counts = np.bincount(numbers, values), np.bincount(numbers)
    generator = np.random.default_rng(seed)
    means = np.empty(resamples)
    for number in range(resamples):
        drawn = generator.integers(len(counts), size=len(counts))
        means[number] = sums[drawn].sum() / counts[drawn].sum()
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def compare_with(
    kept: KeptPredictions, candidate: str, others: Sequence[str], clusters: Integers, seed: int
) -> pd.DataFrame:
    """Compare one candidate with others, chip by chip.

    Args:
        kept: the predictions.
        candidate: name of the candidate.
        others: names of the others.
        clusters: (chips of the chip array,) picture or spatial block of each chip.
        seed: seed of the resamples.

    Returns:
        Rows of PAIRED, in the order of `others`.
    """
    ours, members = kept.correct(candidate), clusters[kept.chips]
    rows = []
    for other in others:
        theirs = kept.correct(other)
        difference = 100.0 * (ours.astype(np.float64) - theirs)
        low, high = bootstrap_mean(difference, members, RESAMPLES, seed)
        rows.append(
            {
                "candidate": candidate,
                "other": other,
                "chips": len(np.unique(kept.chips)),
                "clusters": len(np.unique(members)),
                "difference_pct": float(difference.mean()),
                "low_pct": low,
                "high_pct": high,
                "only_candidate": int((ours & ~theirs).sum()),
                "only_other": int((theirs & ~ours).sum()),
            }
        )
    table = pd.DataFrame(rows)
    if not kept.scored_once:  # several predictions of one chip are not independent
        return table.drop(columns=["only_candidate", "only_other"])
    p_values = [mcnemar_p(*counts) for counts in zip(table["only_candidate"], table["only_other"], strict=True)]
    return table.assign(mcnemar_p=p_values, holm_p=holm(p_values))
