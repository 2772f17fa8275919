"""Rounds of a search: what a strategy proposes next, from all that it proposed and was told before."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.candidate import KEYS, Candidate
from workflow_lib.core.errors import UserError
from workflow_lib.search.proposers import constrained_reward
from workflow_lib.search.search_config import SearchConfig
from workflow_lib.search.strategy_declaration import Strategy, StrategyInput
from workflow_lib.spaces.grid_config import GridConfig
from workflow_lib.spaces.space import Configuration, Space


def candidate_space(grid: GridConfig) -> Space:
    """Every candidate of a grid: channel set, batch size, and the choices of the architecture."""
    networks = grid.networks

    def build(values: Configuration) -> str:
        return str(Candidate(str(values["channels"]), int(values["batch"]), networks.build(values)))

    def parse(name: str) -> Configuration:
        channels, batch, network = Candidate.parse(name)
        return {"channels": channels, "batch": batch, **networks.parse(network)}

    return Space({"channels": list(grid.channel_sets), "batch": grid.batch_sizes, **networks.choices}, build, parse)


def split(names: list[str]) -> pd.DataFrame:
    """The columns KEYS of candidates, by their names."""
    return pd.DataFrame(map(Candidate.parse, names), columns=KEYS).astype({"batch": "int64"})


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
    """Make the strategy that a configuration names.

    Args:
        search: which one, and its budget.
        space: of candidates.
        known: rows of `known_candidates`.
        seed: of its draws.

    Raises:
        ValueError: if it is one whose candidates come of jobs of their own.
    """
    make = search.declaration.make
    if make is None:
        raise ValueError(f"search.strategy {search.strategy} proposes from tables of jobs of its own")
    return make(StrategyInput(space, known, search, getattr(search, search.strategy, None), seed))


def flops_proxies(known: pd.DataFrame) -> NDArray[np.float64]:
    """Latency and negative multiply-adds: (n, 2) losses that are known before training.

    Args:
        known: costs of each candidate.
    """
    return np.column_stack([_numbers(known, "latency_mean_ms"), -_numbers(known, "multiply_adds")])


def filter_proxies(known: pd.DataFrame) -> NDArray[np.float64]:
    """Speed and utilization, negated: (n, 2) losses that are known before training.

    Args:
        known: costs of each candidate.

    Returns:
        Negative throughput and negative utilization where they were measured; otherwise latency, and negative
        multiply-adds per millisecond.
    """
    if "utilization_pct" in known:
        return -known[["images_per_s", "utilization_pct"]].to_numpy(dtype=np.float64)
    latency = _numbers(known, "latency_mean_ms")
    return np.column_stack([latency, -_numbers(known, "multiply_adds") / latency])


def _numbers(known: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return known[name].to_numpy(dtype=np.float64)


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
