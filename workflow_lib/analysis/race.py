"""Racing: candidates that are dominated with high confidence are not trained on further folds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import digamma, polygamma
from scipy.stats import t

from workflow_lib.analysis.racing_config import RacingConfig
from workflow_lib.core.candidate import KEYS, NETWORK_KEYS, Candidate
from workflow_lib.pareto.dominance import to_losses
from workflow_lib.pareto.front_config import Objective, besides_accuracy
from workflow_lib.search.network_costs import network_costs

Numbers = NDArray[np.float64]
_MAX_FREEDOM = 1e6  # more degrees of freedom make no difference


def race(
    scores: pd.DataFrame,
    networks: pd.DataFrame,
    latencies: pd.DataFrame,
    objectives: Sequence[Objective],
    racing: RacingConfig,
    count: int,
    baselines: Sequence[str],
) -> pd.DataFrame:
    """Decide which candidates are stopped after the folds so far.

    A candidate is stopped if a rival costs no more in any objective and is more accurate with the chosen confidence:
    the lower bound of the mean difference over the same folds is above zero. The confidence holds for each candidate
    against all its rivals, over all decisions of the race together (Bonferroni).

    Args:
        scores: rows of FOLD_SCORES of the candidates in the race, on all folds so far; a candidate that lacks a fold is
            not compared.
        networks: table NETWORKS.
        latencies: table LATENCIES.
        objectives: objectives of the front: accuracy, and costs that are known before training.
        racing: the number of first folds and the confidence.
        count: number of folds of the run; one decision is taken before each fold after the first ones.
        baselines: architecture ids of the baselines, which neither stop others nor are stopped.

    Returns:
        Rows of RACE: the candidates that are stopped now.

    Source: BRACE (Moore and Lee 1994); for the bound see `lead_lower_bounds`.
    """
    searched = scores[~scores["architecture"].isin(baselines)]
    folds = searched["fold"].nunique()
    accuracy = searched.pivot(index=KEYS, columns="fold", values="accuracy_pct").dropna()
    if len(accuracy) < 2:
        return _stopped_candidates(accuracy, np.zeros((len(accuracy), len(accuracy))), folds)
    share = float((searched["validation_chips"] / searched["training_chips"]).mean())
    table = accuracy.index.to_frame(index=False)
    table = table.merge(network_costs(networks, latencies), on=NETWORK_KEYS, how="left")
    costs = to_losses(table, besides_accuracy(objectives))
    # Indexed by [candidate, rival].
    rivals = np.all(costs[None, :, :] <= costs[:, None, :], axis=-1) & ~np.eye(len(table), dtype=bool)
    confidence = 1 - (1 - racing.confidence) / (count - racing.first_folds)
    lead = lead_lower_bounds(accuracy.to_numpy(), share, rivals, confidence)
    return _stopped_candidates(accuracy, np.where(rivals, lead, -np.inf), folds)


def lead_lower_bounds(accuracy: Numbers, share: float, rivals: NDArray[np.bool_], confidence: float) -> Numbers:
    """Bound from below how much more accurate each rival is than each candidate.

    A pair has too few folds for a separate variance estimate, and the candidates differ too much for a common one.
    Therefore the variance of each pair is moderated by a prior that all candidates share. The variance of the mean is
    corrected for the overlap of training sets.

    Args:
        accuracy: (candidates, folds) accuracies (%).
        share: number of validation chips per training chip.
        rivals: (candidates, candidates) mask of the rivals with which each candidate is compared.
        confidence: joint confidence of all bounds of one candidate.

    Returns:
        (candidates, candidates) percentage points, indexed by [candidate, rival].

    Source: Smyth 2004, section 4 (moderated t); Nadeau and Bengio 2003, equation 12 (overlap).
    """
    candidates, folds = accuracy.shape
    means = accuracy.mean(1)
    residuals = accuracy - means[:, None] - accuracy.mean(0) + accuracy.mean()
    products = residuals @ residuals.T
    squares = np.diag(products)
    freedom, all_freedom = folds - 1, (candidates - 1) * (folds - 1)
    prior, prior_freedom = common_variance(squares / freedom * candidates / (candidates - 1), freedom)
    # The sum of squares of each pair's differences, without an array of all differences.
    pair_squares = squares[:, None] + squares - 2 * products
    weight = min(prior_freedom, all_freedom)
    error = np.sqrt((weight * 2 * prior + pair_squares) / (weight + freedom) * (1 / folds + share))
    quantile = t.ppf(1 - (1 - confidence) / np.maximum(rivals.sum(1), 1), min(weight + freedom, all_freedom))
    bounds: Numbers = means[None, :] - means[:, None] - quantile[:, None] * error
    return bounds


def common_variance(variances: Numbers, freedom: int) -> tuple[float, float]:
    """Fit the scaled inverse chi-square distribution from which variances come.

    Args:
        variances: (n,) sample variances.
        freedom: degrees of freedom of each.

    Returns:
        The scale, in the unit of the variances, and the degrees of freedom: infinite if the variances do not differ
        by more than chance.

    Source: Smyth 2004, section 6.2, from the mean and variance of the logarithms.
    """
    # Scores that agree exactly would have a logarithm of minus infinity.
    logs = np.log(np.maximum(variances, 1e-3 * np.median(variances) + 1e-9))
    logs += np.log(freedom / 2) - digamma(freedom / 2)
    spread = float(logs.var(ddof=1) - polygamma(1, freedom / 2))
    if spread <= polygamma(1, _MAX_FREEDOM):
        return float(np.exp(logs.mean())), np.inf
    half = brentq(lambda value: polygamma(1, value) - spread, 1e-6, _MAX_FREEDOM)
    return float(np.exp(logs.mean() + digamma(half) - np.log(half))), 2 * half


def _stopped_candidates(accuracy: pd.DataFrame, lead: Numbers, folds: int) -> pd.DataFrame:
    stopped = np.flatnonzero((lead > 0).any(1))
    names = np.array([str(Candidate(*key)) for key in accuracy.index])
    best = lead[stopped].argmax(1) if len(stopped) else stopped
    table = accuracy.index[stopped].to_frame(index=False)
    return table.assign(
        after_folds=folds,
        accuracy_pct=accuracy.to_numpy()[stopped].mean(1),
        dominated_by=names[best],
        rival_accuracy_pct=accuracy.to_numpy()[best].mean(1),
        lead_pct=lead[stopped, best],
    )
