"""Rounds of a search: what a strategy proposes next, from all that it proposed and was told before."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.config import GridConfig
from workflow_lib.core.errors import UserError
from workflow_lib.core.search_config import SearchConfig
from workflow_lib.core.spaces import cross
from workflow_lib.core.spaces.networks import alive
from workflow_lib.core.spaces.space import Configuration, Space
from workflow_lib.search import strategies
from workflow_lib.search.candidates import KEYS, candidate_name, parse_name
from workflow_lib.search.ranking_quality import places
from workflow_lib.search.strategies import Filled, Reinforce, Strategy, constrained_reward, front_filter

_POPULATION = 32  # at least; NNI's evolution takes one out for each proposal, and wants many to be left


def candidate_space(grid: GridConfig) -> Space:
    """Every candidate of a grid: channel set, batch size, and the choices of the architecture."""
    networks = cross.space(grid.space.choices)

    def build(values: Configuration) -> str:
        return candidate_name(str(values["channels"]), int(values["batch"]), networks.build(values))

    def parse(name: str) -> Configuration:
        channels, batch, network = parse_name(name)
        return {"channels": channels, "batch": batch, **networks.parse(network)}

    return Space({"channels": list(grid.channel_sets), "batch": grid.batch_sizes, **networks.choices}, build, parse)


def split(names: list[str]) -> pd.DataFrame:
    """The columns KEYS of candidates, by their names."""
    return pd.DataFrame(map(parse_name, names), columns=KEYS).astype({"batch": "int64"})


def propose_round(
    search: SearchConfig,
    grid: GridConfig,
    seed: int,
    costs: pd.DataFrame,
    proposals: pd.DataFrame | None,
    scores: pd.DataFrame | None,
    folds: int,
) -> pd.DataFrame:
    """Propose the next candidates.

    The strategy goes through all earlier rounds again, with the same seed and rewards: nothing is kept between rounds
    but tables.

    Args:
        search: the strategy and its budget.
        grid: what it chooses from.
        seed: of its draws.
        costs: (channels, architecture): latency_mean_ms and multiply_adds, images_per_s and utilization_pct where they
            were measured.
        proposals: rows of PROPOSALS of all earlier rounds; None: there were none.
        scores: rows of FOLD_SCORES of them; a candidate without scores failed, and the strategy is told nothing of it.
        folds: how many scores a candidate must have.

    Returns:
        Rows of PROPOSALS: those of earlier rounds, and this one's.

    Raises:
        UserError: if the strategy proposed something else in an earlier round.
    """
    space = candidate_space(grid)
    known = known_candidates(space, costs)
    strategy = make_strategy(search, space, known, seed)
    rounds: list[pd.DataFrame] = []
    if proposals is not None and scores is not None:
        rewards = rewards_of(search, known, scores, folds)
        for number, earlier in proposals.groupby("round"):
            proposed = strategy.propose(search.round_size(int(str(number))))
            if split(proposed).to_numpy().tolist() != earlier[KEYS].to_numpy().tolist():
                raise UserError(f"round {number} would propose other candidates now", "proposals", "delete its table")
            strategy.tell({name: rewards[name] for name in proposed if name in rewards})
            rounds.append(earlier)
    proposed = strategy.propose(search.round_size(len(rounds)))
    return pd.concat([*rounds, split(proposed).assign(round=len(rounds))], ignore_index=True)


def propose_derived(derived: pd.DataFrame, batch_sizes: Sequence[int]) -> pd.DataFrame:
    """Propose the networks that were derived within budgets, with every batch size.

    Args:
        derived: rows of DERIVED, of all channel sets.
        batch_sizes: of the grid.

    Returns:
        Rows of PROPOSALS; a network that several searches found is proposed once.
    """
    networks = derived[["channels", "architecture"]].drop_duplicates()
    return networks.merge(pd.DataFrame({"batch": batch_sizes}), how="cross")[KEYS].assign(round=0)


def propose_ranked(rankings: pd.DataFrame, batch_sizes: Sequence[int], candidates: int) -> pd.DataFrame:
    """Propose the networks that supernets rank best, those of each channel set and batch size in turns.

    Scores of two supernets are no scale of their own. A network is proposed without operations that lead nowhere, once.
    Paths whose alphas tie at the top have the highest scores, up to what counts as a tie, so they come first; the front
    and its picks are then those of the networks' own trainings.

    Args:
        rankings: rows of RANKING, of the last ranking of one supernet per channel set.
        batch_sizes: of the grid.
        candidates: how many.

    Returns:
        Rows of PROPOSALS.
    """
    of_sets = rankings.groupby("channels", sort=False)
    best = pd.concat([table.iloc[np.argsort(places(table), kind="stable")] for _, table in of_sets])
    best["architecture"] = best["architecture"].map(alive)
    best = best.drop_duplicates(["channels", "architecture"])
    best["turn"] = best.groupby("channels").cumcount()
    both = best.merge(pd.DataFrame({"batch": batch_sizes}), how="cross")
    return both.sort_values("turn", kind="stable").head(candidates)[KEYS].assign(round=0)


def known_candidates(space: Space, costs: pd.DataFrame) -> pd.DataFrame:
    """Every candidate of a space, in its order, with what its network costs.

    Args:
        space: of candidates.
        costs: one row per (channels, architecture).

    Returns:
        Columns candidate, KEYS, and those of the costs.
    """
    names = space.networks()
    return split(names).assign(candidate=names).merge(costs, on=["channels", "architecture"], how="left")


def make_strategy(search: SearchConfig, space: Space, known: pd.DataFrame, seed: int) -> Strategy:
    """Build the strategy that a configuration names.

    Args:
        search: which one, and its budget.
        space: of candidates.
        known: rows of `known_candidates`.
        seed: of its draws.
    """
    names = known["candidate"].tolist()
    match search.strategy:
        case "grid":
            return strategies.grid(space)
        case "random":
            return strategies.random(space, seed)
        case "filter" | "flops":
            return front_filter(names, proxies(search.strategy, known), search.candidates)
        case "supernet" | "constrained":
            raise ValueError("its candidates come of jobs of their own (`propose_ranked`, `propose_derived`)")
        case "reinforce":
            return Filled(Reinforce(space, seed), space, seed)
        case "evolution" | "tpe":
            from workflow_lib.search.nni_tuners import Tuner

            population = max(_POPULATION, 4 * search.round_candidates)
            return Filled(Tuner(space, search.strategy, seed, population), space, seed)


def proxies(kind: Literal["filter", "flops"], known: pd.DataFrame) -> NDArray[np.float64]:
    """What is known before training, as losses.

    Args:
        kind: filter or flops.
        known: costs of each candidate.

    Returns:
        (n, 2) for flops: latency and negative multiply-adds; for filter: negative throughput and negative utilization
        where they were measured, otherwise latency and negative multiply-adds per millisecond.
    """
    latency, work = (known[name].to_numpy(dtype=np.float64) for name in ("latency_mean_ms", "multiply_adds"))
    if kind == "flops":
        return np.column_stack([latency, -work])
    if "utilization_pct" in known:
        return -known[["images_per_s", "utilization_pct"]].to_numpy(dtype=np.float64)
    return np.column_stack([latency, -work / latency])


def rewards_of(search: SearchConfig, known: pd.DataFrame, scores: pd.DataFrame, count: int) -> dict[str, float]:
    """Name -> reward of every candidate that was trained on all folds.

    Args:
        search: target and weight of the latency.
        known: rows of `known_candidates`; their median latency is the target where there is no other.
        scores: rows of FOLD_SCORES.
        count: folds that each must have.
    """
    folds = scores.groupby(KEYS)["accuracy_pct"].agg(["mean", "count"]).reset_index()
    trained = folds[folds["count"] == count].merge(known, on=KEYS)
    accuracy, latency = (trained[name].to_numpy(dtype=np.float64) for name in ("mean", "latency_mean_ms"))
    rewards = reward_of(search, known, accuracy, latency)
    return dict(zip(trained["candidate"], rewards.tolist(), strict=True))


def reward_of(
    search: SearchConfig, known: pd.DataFrame, accuracy_pct: NDArray[np.float64], latency_ms: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What strategies that learn are told: accuracy, weighted by latency.

    Args:
        search: target and weight of the latency.
        known: latency_mean_ms of all candidates; their median is the target where there is no other.
        accuracy_pct, latency_ms: (n,) of those who are rewarded.
    """
    target = search.latency_target_ms or float(known["latency_mean_ms"].median())
    return constrained_reward(accuracy_pct, latency_ms, target, search.latency_weight)
