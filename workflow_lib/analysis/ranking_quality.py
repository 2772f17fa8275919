"""How well supernets rank networks that were also trained alone."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata

from workflow_lib.analysis.known_space import KnownSpace
from workflow_lib.core.errors import UserError
from workflow_lib.pareto.dominance import pareto_ranks
from workflow_lib.search.rank_preservation import error_and_latency, places

Numbers = NDArray[np.float64]
TOP, BEST_SHARE = 5, 0.1
ORDERS = 200
"""Random orders of networks that tie, over which measures of the first few are means."""
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
        "strict_tau_b": strict_tau_b(pareto_ranks(true_losses(own, latency, measure))),
        "hours": float(own["training_s"].sum()) / _SECONDS_PER_HOUR,
    }


def tau_b(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Kendall's tau-b; 0 where one of them does not tell anything apart."""
    found = float(kendalltau(one, other).statistic)
    return 0.0 if np.isnan(found) else found


def strict_tau_b(ranks: NDArray[np.int64]) -> float:
    """Kendall's tau-b of ranks, some of which tie, and the best order without ties, such as that of scores."""
    return tau_b(rankdata(ranks, method="ordinal"), ranks)


def best_by_rank(ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    """The networks of the first few ranks: at least a tenth of all, TOP, and two ranks; whole ranks."""
    wanted = max(TOP, round(BEST_SHARE * len(ranks)))
    last = max(1, int(np.searchsorted(np.cumsum(np.bincount(ranks)), wanted)))
    return np.flatnonzero(ranks <= last)


def first_places(estimated: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The first TOP networks, once for each of some random orders of those that tie."""
    generator = np.random.default_rng(0)
    return [np.lexsort((generator.permutation(len(estimated)), estimated))[:TOP] for _ in range(ORDERS)]


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
    best, bar = best_by_rank(ranks), np.sort(ranks)[min(TOP, len(ranks)) - 1]
    known = KnownSpace(ranking["architecture"].tolist(), losses, {}, np.zeros(len(losses)))
    judged = ranking[measure].notna().to_numpy()
    shared = error_and_latency(ranking, measure, ranking["cost"])[:, 0]
    tops = first_places(estimated)
    shares = [known.share_pct(known.scaled[top]) for top in tops]
    recalls = [len(known.front & set(map(tuple, known.scaled[top]))) for top in tops]
    return {
        "tau_b": tau_b(estimated, ranks),
        "error_tau_b": tau_b(shared[judged], losses[judged, 0]) if judged.sum() > 1 else None,
        "top_tau_b": tau_b(estimated[best], ranks[best]) if len(set(ranks[best])) > 1 else None,
        "top5_pct": 100 * float(np.mean([(ranks[top] <= bar).mean() for top in tops])),
        "hypervolume_pct": float(np.mean(shares)),
        "recall_pct": 100 * float(np.mean(recalls)) / len(known.front),
        "network_steps": int(ranking["network_steps"].max()),
        "hours": float(ranking["seconds"].max()) / _SECONDS_PER_HOUR,
    }


def _complete(scores: pd.DataFrame) -> list[str]:
    """The networks that were trained with every seed: others may have failed (`grid.allow_missing`)."""
    trainings = scores.groupby("architecture")["fold"].nunique()
    return trainings.index[trainings == scores["fold"].nunique()].tolist()


def compare_supernets(
    scores: pd.DataFrame, rankings: pd.DataFrame, measure: str, batch: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Compare supernets' rankings with networks that were trained alone.

    Args:
        scores: rows of FOLD_SCORES; networks that lack some of their trainings are left out.
        rankings: rows of RANKING of all supernets.
        measure: accuracy_pct or cross_entropy.
        batch: that networks were trained with.

    Returns:
        Rows of RANKING_QUALITY, of DIFFICULTY, and of RANKS.

    Raises:
        UserError: if fewer than two networks have all of their trainings.
    """
    quality, difficulties, ranks = [], [], []
    trained = scores[scores["batch"] == batch]
    for channels, of_channels in rankings.groupby("channels"):
        latency = of_channels.drop_duplicates("architecture").set_index("architecture")["cost"].sort_index()
        own = trained[(trained["channels"] == channels) & trained["architecture"].isin(latency.index)]
        latency = latency[latency.index.isin(_complete(own))]
        if len(latency) < 2:
            raise UserError(
                f"{len(latency)} networks of channels {channels} have all of their trainings: nothing to rank",
                "ranking_quality",
                "see the failed trainings in the log",
            )
        losses = true_losses(own, latency, measure)
        difficulties.append({"channels": channels} | difficulty(own, latency, measure))
        for _, one in of_channels.groupby(["variant", "number"], sort=False):
            ranking = one.set_index("architecture").loc[latency.index].reset_index()
            quality.append(ranking.loc[0, KEYS].to_dict() | ranking_quality(ranking, losses, measure))
            found = {"true_rank": pareto_ranks(losses), "estimated_place": places(ranking)}
            ranks.append(ranking[[*KEYS, "architecture"]].assign(**found))
    return pd.DataFrame(quality), pd.DataFrame(difficulties), pd.concat(ranks, ignore_index=True)
