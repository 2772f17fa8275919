"""Racing: candidates that no further fold can bring onto the front are not trained on more folds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import digamma, polygamma
from scipy.stats import t

from workflow_lib.analysis.racing_config import RacingConfig
from workflow_lib.core.candidate import KEYS, Candidate
from workflow_lib.pareto.dominance import to_losses
from workflow_lib.pareto.front_config import Objective
from workflow_lib.search.network_costs import network_costs

Numbers = NDArray[np.float64]
_ALIKE = 1e6  # degrees of freedom that make no difference any more


def race(
    scores: pd.DataFrame,
    networks: pd.DataFrame,
    latencies: pd.DataFrame,
    objectives: Sequence[Objective],
    racing: RacingConfig,
    count: int,
    baseline: str,
) -> pd.DataFrame:
    """Decide who is stopped after the folds so far.

    A candidate is stopped if some rival, in all costs at least as good, is also more accurate, with the chosen
    confidence: the lower bound of the mean difference over the same folds is above zero. The confidence holds for each
    candidate against all its rivals, over all decisions of the race together (Bonferroni).

    Args:
        scores: rows of FOLD_SCORES: those in the race, on all folds so far; one that lacks a fold is not judged.
        networks, latencies: tables NETWORKS, LATENCIES.
        objectives: of the front; accuracy, and costs that are known before training.
        racing: the first folds and the confidence.
        count: folds of the run; one decision is taken before each that not everyone is trained on.
        baseline: architecture id of the baseline, which neither stops nor is stopped.

    Returns:
        Rows of RACE: those who are stopped now.

    Source: BRACE (Moore and Lee 1994); for the bound see `lead_at_least`.
    """
    searched = scores[scores["architecture"] != baseline]
    folds = searched["fold"].nunique()
    accuracy = searched.pivot(index=KEYS, columns="fold", values="accuracy_pct").dropna()
    if len(accuracy) < 2:
        return _stopped(accuracy, np.zeros((len(accuracy), len(accuracy))), folds)
    share = float((searched["validation_chips"] / searched["training_chips"]).mean())
    table = accuracy.index.to_frame(index=False)
    table = table.merge(network_costs(networks, latencies), on=["channels", "architecture"], how="left")
    costs = to_losses(table, [objective for objective in objectives if objective.name != "accuracy_pct"])
    # [candidate, rival]
    rivals = np.all(costs[None, :, :] <= costs[:, None, :], axis=-1) & ~np.eye(len(table), dtype=bool)
    confidence = 1 - (1 - racing.confidence) / (count - racing.first_folds)
    lead = lead_at_least(accuracy.to_numpy(), share, rivals, confidence)
    return _stopped(accuracy, np.where(rivals, lead, -np.inf), folds)


def lead_at_least(accuracy: Numbers, share: float, rivals: NDArray[np.bool_], confidence: float) -> Numbers:
    """Lower bound of how much more accurate each rival is than each candidate.

    A pair has too few folds for a variance of its own, and candidates differ too much for a common one: each pair's is
    moderated by what all candidates' variances have in common. The variance of the mean is corrected for the overlap of
    training sets.

    Args:
        accuracy: (candidates, folds), percent.
        share: validation chips per training chip.
        rivals: (candidates, candidates) whom each candidate is compared with.
        confidence: of all bounds of one candidate together.

    Returns:
        (candidates, candidates) percentage points: [candidate, rival].

    Source: Smyth 2004, section 4 (moderated t); Nadeau and Bengio 2003, equation 12 (overlap).
    """
    candidates, folds = accuracy.shape
    means = accuracy.mean(1)
    residuals = accuracy - means[:, None] - accuracy.mean(0) + accuracy.mean()
    products = residuals @ residuals.T
    squares = np.diag(products)
    freedom, all_freedom = folds - 1, (candidates - 1) * (folds - 1)
    prior, prior_freedom = common_variance(squares / freedom * candidates / (candidates - 1), freedom)
    # The sum of squares of a pair's differences, without an array of all differences.
    own = squares[:, None] + squares - 2 * products
    weight = min(prior_freedom, all_freedom)
    error = np.sqrt((weight * 2 * prior + own) / (weight + freedom) * (1 / folds + share))
    quantile = t.ppf(1 - (1 - confidence) / np.maximum(rivals.sum(1), 1), min(weight + freedom, all_freedom))
    bounds: Numbers = means[None, :] - means[:, None] - quantile[:, None] * error
    return bounds


def common_variance(variances: Numbers, freedom: int) -> tuple[float, float]:
    """What variances have in common: the scaled inverse chi-square distribution that they come from.

    Args:
        variances: (n,) each from `freedom` degrees of freedom.

    Returns:
        Its scale, in the unit of the variances, and its degrees of freedom: infinite where they are all alike.

    Source: Smyth 2004, section 6.2, by the mean and variance of their logarithms.
    """
    # Scores that agree by chance would have a logarithm of minus infinity.
    logs = np.log(np.maximum(variances, 1e-3 * np.median(variances) + 1e-9))
    logs += np.log(freedom / 2) - digamma(freedom / 2)
    spread = float(logs.var(ddof=1) - polygamma(1, freedom / 2))
    if spread <= polygamma(1, _ALIKE):
        return float(np.exp(logs.mean())), np.inf
    half = brentq(lambda value: polygamma(1, value) - spread, 1e-6, _ALIKE)
    return float(np.exp(logs.mean() + digamma(half) - np.log(half))), 2 * half


def _stopped(accuracy: pd.DataFrame, lead: Numbers, folds: int) -> pd.DataFrame:
    out = np.flatnonzero((lead > 0).any(1))
    names = np.array([str(Candidate(*key)) for key in accuracy.index])
    best = lead[out].argmax(1) if len(out) else out
    table = accuracy.index[out].to_frame(index=False)
    return table.assign(
        after_folds=folds,
        accuracy_pct=accuracy.to_numpy()[out].mean(1),
        dominated_by=names[best],
        rival_accuracy_pct=accuracy.to_numpy()[best].mean(1),
        lead_pct=lead[out, best],
    )
