"""Rounds of a search: the next proposals of a strategy, from all earlier proposals and rewards."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.candidate import KEYS, Candidate
from workflow_lib.core.errors import UserError
from workflow_lib.pareto.front_config import Objective
from workflow_lib.search.proposers import constrained_reward
from workflow_lib.search.search_config import SearchConfig
from workflow_lib.search.strategy_declaration import Strategy, StrategyInput
from workflow_lib.spaces.grid_config import GridConfig
from workflow_lib.spaces.space import Configuration, Space


def candidate_space(grid: GridConfig) -> Space:
    """Return the space of all candidates of a grid: channel set, batch size, recipe, and the architecture's choices.

    The recipe is a choice only if there are several.
    """
    networks, recipes = grid.networks, grid.recipe_names
    chosen: dict[str, list[Any]] = {"channels": list(grid.channel_sets), "batch": grid.batch_sizes}
    if len(recipes) > 1:
        chosen["recipe"] = recipes

    def build(values: Configuration) -> str:
        network = networks.build({name: values[name] for name in networks.choices})
        recipe = str(values.get("recipe", recipes[0]))
        return str(Candidate(str(values["channels"]), int(values["batch"]), network, recipe))

    def parse(name: str) -> Configuration:
        candidate = Candidate.parse(name)._asdict()
        return {**{choice: candidate[choice] for choice in chosen}, **networks.parse(candidate["architecture"])}

    return Space({**chosen, **networks.choices}, build, parse)


def training_settings(grid: GridConfig) -> pd.DataFrame:
    """Tabulate the combinations of batch size and recipe: columns batch and recipe."""
    return pd.DataFrame(product(grid.batch_sizes, grid.recipe_names), columns=["batch", "recipe"])


def split(names: list[str]) -> pd.DataFrame:
    """Split names of candidates into the columns KEYS."""
    return pd.DataFrame(map(Candidate.parse, names), columns=KEYS).astype({"batch": "int64"})


def propose_round(
    search: SearchConfig,
    grid: GridConfig,
    seed: int,
    costs: pd.DataFrame,
    proposals: pd.DataFrame | None,
    scores: pd.DataFrame | None,
    folds: int,
    objectives: Sequence[Objective],
) -> pd.DataFrame:
    """Propose the candidates of the next round.

    The strategy repeats all earlier rounds with the same seed and rewards, so only tables are kept between rounds.

    Args:
        search: the strategy and its budget.
        grid: the grid of candidates.
        seed: seed of the strategy.
        costs: one row per (channels, architecture), with latency_mean_ms and multiply_adds, and with images_per_s and
            utilization_pct if they were measured.
        proposals: rows of PROPOSALS of all earlier rounds; None in the first round.
        scores: rows of FOLD_SCORES of these proposals; a candidate without scores failed, and the strategy receives no
            reward for it.
        folds: number of scores that a candidate must have.
        objectives: objectives of the front.

    Returns:
        Rows of PROPOSALS of the earlier rounds and of this one.

    Raises:
        UserError: if the strategy would now propose other candidates in an earlier round, or no candidate is within
            the limits.
    """
    space = candidate_space(grid)
    space, known = within_limits(space, known_candidates(space, costs), search.limits)
    strategy = make_strategy(search, space, known, seed, objectives)
    rounds: list[pd.DataFrame] = []
    if proposals is not None and scores is not None:
        rewards = rewards_of(search, known, scores, folds)
        for number, earlier in proposals.groupby("round"):
            proposed = strategy.propose(search.round_size(int(str(number))))
            if split(proposed).to_numpy().tolist() != earlier[KEYS].to_numpy().tolist():
                raise UserError(
                    f"round {number} would propose other candidates now", "proposals", "delete the table of this round"
                )
            strategy.tell({name: rewards[name] for name in proposed if name in rewards})
            rounds.append(earlier)
    proposed = strategy.propose(search.round_size(len(rounds)))
    return pd.concat([*rounds, split(proposed).assign(round=len(rounds))], ignore_index=True)


def known_candidates(space: Space, costs: pd.DataFrame) -> pd.DataFrame:
    """Tabulate all candidates of a space with the costs of their networks.

    Args:
        space: the space of candidates.
        costs: one row per (channels, architecture).

    Returns:
        One row per candidate, in the order of the space: columns candidate, KEYS, and those of `costs`.
    """
    names = space.networks()
    return split(names).assign(candidate=names).merge(costs, on=["channels", "architecture"], how="left")


def within_limits(space: Space, known: pd.DataFrame, limits: Mapping[str, float]) -> tuple[Space, pd.DataFrame]:
    """Keep the candidates whose costs are within the limits.

    Args:
        space: the space of candidates.
        known: rows of `known_candidates`.
        limits: column of `known` -> maximum value.

    Returns:
        The space, in which only these candidates are allowed, and their rows.

    Raises:
        UserError: if there are none.
    """
    if not limits:
        return space, known
    within = known[(known[list(limits)] <= list(limits.values())).all(axis=1)]
    if within.empty:
        lowest = ", ".join(f"{name} is {known[name].min():g}" for name in limits)
        raise UserError(
            f"no candidate is within all limits; the lowest {lowest}", "config: search.limits", "raise them"
        )
    return replace(space, allowed=frozenset(within["candidate"])), within.reset_index(drop=True)


def make_strategy(
    search: SearchConfig, space: Space, known: pd.DataFrame, seed: int, objectives: Sequence[Objective]
) -> Strategy:
    """Make the strategy that a configuration names.

    Args:
        search: the name of the strategy, and its budget.
        space: the space of candidates.
        known: rows of `known_candidates`.
        seed: seed of the strategy.
        objectives: objectives of the front.

    Raises:
        ValueError: if the strategy does not choose from the grid, but proposes from result tables of separate jobs.
    """
    make = search.declaration.make
    if make is None:
        raise ValueError(f"search.strategy {search.strategy} proposes from result tables and cannot search a grid")
    return make(StrategyInput(space, known, search, getattr(search, search.strategy, None), seed, objectives))


def flops_proxies(known: pd.DataFrame) -> NDArray[np.float64]:
    """Return the losses of the strategy `flops`, which are known before training.

    Args:
        known: one row of costs per candidate.

    Returns:
        (n, 2) latencies (ms) and negative multiply-adds, minimised.
    """
    return np.column_stack([_numbers(known, "latency_mean_ms"), -_numbers(known, "multiply_adds")])


def filter_proxies(known: pd.DataFrame) -> NDArray[np.float64]:
    """Return the losses of the strategy `filter`, which are known before training.

    Args:
        known: one row of costs per candidate.

    Returns:
        (n, 2) losses, minimised: negative throughput and negative utilization if they were measured; otherwise
        latency (ms) and negative multiply-adds per millisecond.
    """
    if "utilization_pct" in known:
        return -known[["images_per_s", "utilization_pct"]].to_numpy(dtype=np.float64)
    latency = _numbers(known, "latency_mean_ms")
    return np.column_stack([latency, -_numbers(known, "multiply_adds") / latency])


def _numbers(known: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return known[name].to_numpy(dtype=np.float64)


def rewards_of(search: SearchConfig, known: pd.DataFrame, scores: pd.DataFrame, count: int) -> dict[str, float]:
    """Return the reward of every candidate that was trained on all folds, by name.

    Args:
        search: target and weight of the latency.
        known: rows of `known_candidates`; their median latency is the default target.
        scores: rows of FOLD_SCORES.
        count: number of folds that each candidate must have.
    """
    folds = scores.groupby(KEYS)["accuracy_pct"].agg(["mean", "count"]).reset_index()
    trained = folds[folds["count"] == count].merge(known, on=KEYS)
    if search.declaration.rewarded_by_accuracy:
        return dict(zip(trained["candidate"], trained["mean"], strict=True))
    accuracy, latency = (trained[name].to_numpy(dtype=np.float64) for name in ("mean", "latency_mean_ms"))
    rewards = reward_of(search, known, accuracy, latency)
    return dict(zip(trained["candidate"], rewards.tolist(), strict=True))


def reward_of(
    search: SearchConfig, known: pd.DataFrame, accuracy_pct: NDArray[np.float64], latency_ms: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the rewards for strategies that learn: accuracy weighted by latency.

    Args:
        search: target and weight of the latency.
        known: table with latency_mean_ms of all candidates, whose median is the default target.
        accuracy_pct: (n,) accuracies of the rewarded candidates (%).
        latency_ms: (n,) mean latencies of the rewarded candidates (ms).

    Returns:
        (n,) rewards, maximised.
    """
    target = search.latency_target_ms or float(known["latency_mean_ms"].median())
    return constrained_reward(accuracy_pct, latency_ms, target, search.latency_weight)
