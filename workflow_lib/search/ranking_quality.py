"""How well supernets rank networks that were also trained alone."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau

from workflow_lib.pareto.dominance import pareto_ranks
from workflow_lib.search.known_space import KnownSpace
from workflow_lib.search.rank_preservation import error_and_latency

Numbers = NDArray[np.float64]
TOP, BEST_SHARE = 5, 0.1
KEYS = ["channels", "variant", "number"]
"""What tells supernets apart."""

_SECONDS_PER_HOUR = 3600


def true_losses(scores: pd.DataFrame, latency: pd.Series, measure: str, folds: Sequence[int] | None = None) -> Numbers:
    """Error and latency of networks that were trained alone.

    Args:
        scores: rows of FOLD_SCORES, of one channel set and batch size.
        latency: architecture -> latency (ms); its order is that of the result.
        measure: accuracy_pct or cross_entropy.
        folds: those that count; None: all.

    Returns:
        (n, 2) losses.
    """
    chosen = scores if folds is None else scores[scores["fold"].isin(folds)]
    means = chosen.groupby("architecture")[[measure]].mean().loc[latency.index]
    return error_and_latency(means, measure, latency)


def difficulty(scores: pd.DataFrame, latency: pd.Series, measure: str) -> dict[str, Any]:
    """Whether networks differ by more than chance, and how well they can be ranked at all.

    Args:
        scores, latency, measure: see `true_losses`.

    Returns:
        The columns of DIFFICULTY but the channels.
    """
    own = scores[scores["architecture"].isin(latency.index)]
    groups = own.groupby("architecture")[measure]
    folds = sorted(own["fold"].unique())
    taus = []
    for half in combinations(folds, len(folds) // 2):
        rest = [fold for fold in folds if fold not in half]
        one, other = (pareto_ranks(true_losses(own, latency, measure, part)) for part in (half, rest))
        taus.append(tau_b(one, other))
    return {
        "networks": len(latency),
        "seeds": len(folds),
        "measure": measure,
        "network_std": float(groups.mean().std(ddof=1)),
        "seed_std": float(np.sqrt(groups.var(ddof=1).mean())),
        "ceiling_tau_b": float(np.mean(taus)),
        "hours": float(own["training_s"].sum()) / _SECONDS_PER_HOUR,
    }


def tau_b(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Kendall's tau-b; 0 where one of them does not tell anything apart."""
    found = float(kendalltau(one, other).statistic)
    return 0.0 if np.isnan(found) else found


def places(ranking: pd.DataFrame) -> NDArray[np.int64]:
    """Where a supernet puts networks: 0 for the best, the same number for those that tie.

    Args:
        ranking: rows of RANKING of one supernet. Who took part in a later ranking comes first; who has no score, last.
    """
    keys = -np.column_stack([ranking["ranking"], ranking["score"].fillna(-np.inf)])
    return np.unique(keys, axis=0, return_inverse=True)[1].ravel().astype(np.int64)


def ranking_quality(ranking: pd.DataFrame, losses: Numbers, measure: str) -> dict[str, Any]:
    """Compare one supernet's ranking with the truth.

    Args:
        ranking: rows of RANKING, in the order of the losses.
        losses: (n, 2) true ones.
        measure: what they are made of, beside latency.

    Returns:
        The columns of RANKING_QUALITY but its key.
    """
    ranks, estimated = pareto_ranks(losses), places(ranking)
    best = np.argsort(ranks, kind="stable")[: max(2, round(BEST_SHARE * len(ranks)))]
    top = np.argsort(estimated, kind="stable")[:TOP]
    known = KnownSpace(ranking["architecture"].tolist(), losses, {}, np.zeros(len(losses)))
    found = {tuple(point) for point in known.scaled[top]}
    judged = ranking[measure].notna().to_numpy()
    shared = error_and_latency(ranking, measure, ranking["cost"])[:, 0]
    return {
        "tau_b": tau_b(estimated, ranks),
        "error_tau_b": tau_b(shared[judged], losses[judged, 0]) if judged.sum() > 1 else None,
        "top_tau_b": tau_b(estimated[best], ranks[best]) if len(set(ranks[best])) > 1 else None,
        "top5_pct": 100 * float((ranks[top] <= np.sort(ranks)[min(TOP, len(ranks)) - 1]).mean()),
        "hypervolume_pct": 100 * known.hypervolume(known.scaled[top]) / known.hypervolume(known.scaled),
        "recall_pct": 100 * len(found & known.front) / len(known.front),
        "network_steps": int(ranking["network_steps"].max()),
        "hours": float(ranking["seconds"].max()) / _SECONDS_PER_HOUR,
    }


def compare_supernets(
    scores: pd.DataFrame, rankings: pd.DataFrame, measure: str, batch: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Compare supernets' rankings with networks that were trained alone.

    Args:
        scores: rows of FOLD_SCORES, of at least these networks.
        rankings: rows of RANKING of all supernets.
        measure: accuracy_pct or cross_entropy.
        batch: that networks were trained with.

    Returns:
        Rows of RANKING_QUALITY, of DIFFICULTY, and of RANKS.
    """
    quality, difficulties, ranks = [], [], []
    trained = scores[scores["batch"] == batch]
    for channels, of_channels in rankings.groupby("channels"):
        own = trained[trained["channels"] == channels]
        latency = of_channels.drop_duplicates("architecture").set_index("architecture")["cost"].sort_index()
        losses = true_losses(own, latency, measure)
        difficulties.append({"channels": channels} | difficulty(own, latency, measure))
        for _, one in of_channels.groupby(["variant", "number"], sort=False):
            ranking = one.sort_values("architecture").reset_index(drop=True)
            quality.append(ranking.loc[0, KEYS].to_dict() | ranking_quality(ranking, losses, measure))
            found = {"true_rank": pareto_ranks(losses), "estimated_place": places(ranking)}
            ranks.append(ranking[[*KEYS, "architecture"]].assign(**found))
    return pd.DataFrame(quality), pd.DataFrame(difficulties), pd.concat(ranks, ignore_index=True)
