"""How well supernets rank networks that were also trained separately."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata

from workflow_lib.analysis.known_space import KnownSpace
from workflow_lib.core.candidate import TRAINED
from workflow_lib.core.errors import UserError
from workflow_lib.pareto.dominance import pareto_ranks
from workflow_lib.search.gaussian_process import Posterior
from workflow_lib.search.rank_preservation import error_and_latency, places
from workflow_lib.search.surrogate_search import choice_features
from workflow_lib.spaces.networks import parse

Numbers = NDArray[np.float64]
TOP, BEST_SHARE = 5, 0.1
TIE_ORDERS = 200
"""Random orders of tied networks, over which measures of the top networks are averaged."""
RANDOM_RANKINGS = 200
"""Random rankings over which the floor is averaged."""
TRAINED_PART, MIN_TRAINED, MODEL_DRAWS = 4, 4, 20
"""A model of the error knows one in so many networks, at least this many; the floor is the mean over so many draws."""
KEYS = ["channels", "variant", "number"]
"""The columns that identify a supernet."""

_SECONDS_PER_HOUR = 3600


def true_losses(scores: pd.DataFrame, latency: pd.Series, measure: str, folds: Sequence[int] | None = None) -> Numbers:
    """Return error and latency of networks that were trained separately.

    Args:
        scores: rows of FOLD_SCORES of one channel set and batch size.
        latency: (n,) latencies (ms), indexed by architecture, in the order of the result.
        measure: accuracy_pct or cross_entropy.
        folds: folds to include; None: all.

    Returns:
        (n, 2) losses.
    """
    chosen = scores if folds is None else scores[scores["fold"].isin(folds)]
    means = chosen.groupby("architecture")[[measure]].mean().loc[latency.index]
    return error_and_latency(means, measure, latency)


def difficulty(scores: pd.DataFrame, latency: pd.Series, measure: str) -> dict[str, Any]:
    """Measure whether networks differ by more than chance, and how well they can be ranked at best.

    Args:
        scores: see `true_losses`.
        latency: see `true_losses`.
        measure: see `true_losses`.

    Returns:
        The columns of DIFFICULTY except the channels and the floors.
    """
    included = scores[scores["architecture"].isin(latency.index)]
    groups = included.groupby("architecture")[measure]
    folds = sorted(included["fold"].unique())
    taus = []
    for half in combinations(folds, len(folds) // 2):
        rest = [fold for fold in folds if fold not in half]
        first, second = (pareto_ranks(true_losses(included, latency, measure, part)) for part in (half, rest))
        taus.append(tau_b(first, second))
    return {
        "networks": len(latency),
        "seeds": len(folds),
        "measure": measure,
        "network_std": float(groups.mean().std(ddof=1)),
        "seed_std": float(np.sqrt(groups.var(ddof=1).mean())),
        "ceiling_tau_b": float(np.mean(taus)),
        "strict_tau_b": strict_tau_b(pareto_ranks(true_losses(included, latency, measure))),
        "hours": float(included["training_s"].sum()) / _SECONDS_PER_HOUR,
    }


def floors(losses: Numbers, sizes: pd.DataFrame) -> dict[str, float]:
    """Measure how well networks are ranked without a supernet: by what is known, and after training a few of them.

    A ranking by a supernet is worth something only above these values, because the cost is half of what is ranked.

    Args:
        losses: (n, 2) true losses: error and cost.
        sizes: (n,) rows with `parameters` and `multiply_adds`, indexed by architecture.

    Returns:
        The floors among the columns of DIFFICULTY.
    """
    ranks, cost = pareto_ranks(losses), losses[:, 1]
    generator = np.random.default_rng(0)
    drawn = [np.column_stack([generator.permutation(len(cost)), cost]) for _ in range(RANDOM_RANKINGS)]
    return {
        "random_tau_b": float(np.mean([tau_b(pareto_ranks(each), ranks) for each in drawn])),
        "cost_tau_b": tau_b(cost, ranks),
        "parameters_tau_b": tau_b(pareto_ranks(np.column_stack([-sizes["parameters"], cost])), ranks),
        "surrogate_tau_b": _surrogate_tau_b(losses, sizes, ranks),
    }


def _surrogate_tau_b(losses: Numbers, sizes: pd.DataFrame, ranks: NDArray[np.int64]) -> float:
    """Return the tau-b of ranks by a model of the error that knows a quarter of the networks, mean over many draws."""
    generator, count = np.random.default_rng(0), max(MIN_TRAINED, len(losses) // TRAINED_PART)
    if len(losses) <= count:
        return float("nan")
    dimensions = pd.DataFrame([parse(name).dimensions() for name in sizes.index])
    features = choice_features(dimensions, sizes.assign(cost=losses[:, 1]).to_numpy(dtype=np.float64))
    taus = []
    for _ in range(MODEL_DRAWS):
        trained = generator.choice(len(losses), count, replace=False)
        error = Posterior(features, trained, losses[trained, 0]).mean
        taus.append(tau_b(pareto_ranks(np.column_stack([error, losses[:, 1]])), ranks))
    return float(np.mean(taus))


def tau_b(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return Kendall's tau-b; 0 if all values of one array tie.

    Args:
        first: (n,) values.
        second: (n,) values of the same items.

    >>> tau_b(np.array([0, 1, 2]), np.array([3, 4, 5])), tau_b(np.array([0, 1, 2]), np.array([7, 7, 7]))
    (1.0, 0.0)
    """
    tau = float(kendalltau(first, second).statistic)
    return 0.0 if np.isnan(tau) else tau


def strict_tau_b(ranks: NDArray[np.int64]) -> float:
    """Return the tau-b between ranks with ties and the best order without ties, such as an order by scores.

    Args:
        ranks: (n,) ranks.
    """
    return tau_b(rankdata(ranks, method="ordinal"), ranks)


def best_by_rank(ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows of the lowest whole ranks: at least two ranks, TOP networks and a tenth of all networks.

    Args:
        ranks: (n,) ranks, 0 for the best.

    >>> best_by_rank(np.array([0, 2, 1, 1, 3, 0, 4]))
    array([0, 1, 2, 3, 5])
    """
    min_count = max(TOP, round(BEST_SHARE * len(ranks)))
    last = max(1, int(np.searchsorted(np.cumsum(np.bincount(ranks)), min_count)))
    return np.flatnonzero(ranks <= last)


def first_places(estimated: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the rows of the first TOP networks, once per random order of tied networks.

    Args:
        estimated: (n,) positions in a ranking; tied networks have the same one.
    """
    generator = np.random.default_rng(0)
    return [np.lexsort((generator.permutation(len(estimated)), estimated))[:TOP] for _ in range(TIE_ORDERS)]


def ranking_quality(ranking: pd.DataFrame, losses: Numbers, measure: str) -> dict[str, Any]:
    """Compare the ranking of one supernet with the true Pareto ranks.

    Args:
        ranking: rows of RANKING, in the order of the losses.
        losses: (n, 2) true losses; see `true_losses`.
        measure: metric from which the first loss is computed: accuracy_pct or cross_entropy.

    Returns:
        The columns of RANKING_QUALITY except its key.
    """
    ranks, estimated = pareto_ranks(losses), places(ranking)
    best, top_rank = best_by_rank(ranks), np.sort(ranks)[min(TOP, len(ranks)) - 1]
    known = KnownSpace(ranking["architecture"].tolist(), losses, {}, np.zeros(len(losses)))
    evaluated = ranking[measure].notna().to_numpy()
    shared = error_and_latency(ranking, measure, ranking["cost"])[:, 0]
    tops = first_places(estimated)
    shares = [known.share_pct(known.scaled[top]) for top in tops]
    recalls = [len(known.front & set(map(tuple, known.scaled[top]))) for top in tops]
    return {
        "tau_b": tau_b(estimated, ranks),
        "error_tau_b": tau_b(shared[evaluated], losses[evaluated, 0]) if evaluated.sum() > 1 else None,
        "top_tau_b": tau_b(estimated[best], ranks[best]) if len(set(ranks[best])) > 1 else None,
        "top5_pct": 100 * float(np.mean([(ranks[top] <= top_rank).mean() for top in tops])),
        "hypervolume_pct": float(np.mean(shares)),
        "recall_pct": 100 * float(np.mean(recalls)) / len(known.front),
        "network_steps": int(ranking["network_steps"].max()),
        "hours": float(ranking["seconds"].max()) / _SECONDS_PER_HOUR,
    }


def _complete(scores: pd.DataFrame) -> list[str]:
    """Return the networks that were trained with every seed; others may have failed (`grid.allow_missing`)."""
    trainings = scores.groupby("architecture")["fold"].nunique()
    return trainings.index[trainings == scores["fold"].nunique()].tolist()


def compare_supernets(
    scores: pd.DataFrame, rankings: pd.DataFrame, networks: pd.DataFrame, measure: str, batch: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Compare the rankings of supernets with networks that were trained separately.

    Args:
        scores: rows of FOLD_SCORES; networks that lack some of their trainings are excluded.
        rankings: rows of RANKING of all supernets.
        networks: rows of NETWORKS, of which the numbers of parameters and multiply-adds are used.
        measure: accuracy_pct or cross_entropy.
        batch: batch size of the trainings to compare with.

    Returns:
        Rows of RANKING_QUALITY, of DIFFICULTY, and of RANKS.

    Raises:
        UserError: if fewer than two networks have all of their trainings.
    """
    quality, difficulties, ranks = [], [], []
    networks = networks[networks["precision"] == TRAINED]
    same_batch = scores[(scores["batch"] == batch) & (scores["precision"] == TRAINED)]
    for channels, group in rankings.groupby("channels"):
        latency = group.drop_duplicates("architecture").set_index("architecture")["cost"].sort_index()
        trained = same_batch[(same_batch["channels"] == channels) & same_batch["architecture"].isin(latency.index)]
        latency = latency[latency.index.isin(_complete(trained))]
        if len(latency) < 2:
            raise UserError(
                f"only {len(latency)} networks of channels {channels} have all of their trainings: nothing to rank",
                "ranking_quality",
                "see the failed trainings in the log",
            )
        losses = true_losses(trained, latency, measure)
        sizes = networks[networks["channels"] == channels].set_index("architecture")[["parameters", "multiply_adds"]]
        known = floors(losses, sizes.loc[latency.index])
        difficulties.append({"channels": channels} | difficulty(trained, latency, measure) | known)
        for _, supernet_rows in group.groupby(["variant", "number"], sort=False):
            ranking = supernet_rows.set_index("architecture").loc[latency.index].reset_index()
            quality.append(ranking.loc[0, KEYS].to_dict() | ranking_quality(ranking, losses, measure))
            columns = {"true_rank": pareto_ranks(losses), "estimated_place": places(ranking)}
            ranks.append(ranking[[*KEYS, "architecture"]].assign(**columns))
    return pd.DataFrame(quality), pd.DataFrame(difficulties), pd.concat(ranks, ignore_index=True)
