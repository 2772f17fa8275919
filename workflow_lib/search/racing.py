"""Racing: candidates that no further fold can bring onto the front are not trained on more folds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from workflow_lib.core.config import Objective, RacingConfig
from workflow_lib.pareto.dominance import to_losses
from workflow_lib.search.candidates import network_costs

KEYS = ["channels", "batch", "architecture"]
Numbers = NDArray[np.float64]


def race(
    scores: pd.DataFrame,
    networks: pd.DataFrame,
    latencies: pd.DataFrame,
    objectives: Sequence[Objective],
    racing: RacingConfig,
    baseline: str,
) -> pd.DataFrame:
    """Decide who is stopped after the folds so far.

    A candidate is stopped if some rival, in all costs at least as good, is also more accurate, with the chosen
    confidence: the lower bound of the mean difference over the same folds is above zero. The deviation of a difference
    is the pair's own or that pooled over all pairs, whichever is larger, and its variance is corrected for the overlap
    of training sets. The confidence holds for each candidate against all its rivals together (Bonferroni).

    Args:
        scores: rows of FOLD_SCORES: those in the race, on all folds so far; one that lacks a fold is not judged.
        networks, latencies: tables NETWORKS, LATENCIES.
        objectives: of the front; accuracy, and costs that are known before training.
        racing: the confidence.
        baseline: architecture id of the baseline, which neither stops nor is stopped.

    Returns:
        Rows of RACE: those who are stopped now.

    Source: BRACE (Moore and Lee 1994), with the corrected variance of Nadeau and Bengio 2003, equation 12.
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
    lead = lead_at_least(accuracy.to_numpy(), share, rivals, racing.confidence)
    return _stopped(accuracy, np.where(rivals, lead, -np.inf), folds)


def lead_at_least(accuracy: Numbers, share: float, rivals: NDArray[np.bool_], confidence: float) -> Numbers:
    """Lower bound of how much more accurate each rival is than each candidate.

    Args:
        accuracy: (candidates, folds), percent.
        share: validation chips per training chip.
        rivals: (candidates, candidates) whom each candidate is compared with.
        confidence: of all bounds of one candidate together.

    Returns:
        (candidates, candidates) percentage points: [candidate, rival].
    """
    candidates, folds = accuracy.shape
    means = accuracy.mean(1)
    residuals = accuracy - means[:, None] - accuracy.mean(0) + accuracy.mean()
    freedom = (candidates - 1) * (folds - 1)
    pooled = 2 * (residuals**2).sum() / freedom
    # The variance of a pair's differences, without an array of all differences.
    products = residuals @ residuals.T
    own = (np.diag(products)[:, None] + np.diag(products) - 2 * products) / (folds - 1)
    error = np.sqrt(np.maximum(own, pooled) * (1 / folds + share))
    quantile = t.ppf(1 - (1 - confidence) / np.maximum(rivals.sum(1), 1), freedom)
    bounds: Numbers = means[None, :] - means[:, None] - quantile[:, None] * error
    return bounds


def _stopped(accuracy: pd.DataFrame, lead: Numbers, folds: int) -> pd.DataFrame:
    out = np.flatnonzero((lead > 0).any(1))
    names = np.array(["_".join([channels, f"b{batch}", network]) for channels, batch, network in accuracy.index])
    best = lead[out].argmax(1) if len(out) else out
    table = accuracy.index[out].to_frame(index=False)
    return table.assign(
        after_folds=folds,
        accuracy_pct=accuracy.to_numpy()[out].mean(1),
        dominated_by=names[best],
        rival_accuracy_pct=accuracy.to_numpy()[best].mean(1),
        lead_pct=lead[out, best],
    )
