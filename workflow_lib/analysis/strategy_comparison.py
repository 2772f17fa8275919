"""Comparison of search strategies on a fully evaluated space: the share of the front that each finds, and its cost."""

import sys
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.analysis.comparison_config import ComparisonConfig
from workflow_lib.analysis.known_space import KnownSpace
from workflow_lib.core.seeds import derive_seed
from workflow_lib.pareto.dominance import front_mask, to_losses
from workflow_lib.pareto.front_config import Objective
from workflow_lib.search.proposal_rounds import make_strategy, reward_of, strategy_input
from workflow_lib.search.search_config import SearchConfig
from workflow_lib.search.searched_candidates import SearchedCandidates, candidate_space, known_candidates
from workflow_lib.search.strategy_declaration import Strategy, all_strategies
from workflow_lib.spaces.grid_config import GridConfig

Numbers = NDArray[np.float64]
STRATEGIES = [name for name, strategy in all_strategies().items() if strategy.is_compared]
FIXED = [name for name in STRATEGIES if not all_strategies()[name].draws]
"""Strategies whose proposals do not depend on the seed."""

_SECONDS_PER_HOUR = 3600


class ByAccuracy:
    """A strategy that receives accuracies instead of the rewards of the others.

    Args:
        strategy: the strategy.
        accuracies: name -> accuracy (percent).
    """

    def __init__(self, strategy: Strategy, accuracies: Mapping[str, float]) -> None:
        self._strategy, self._accuracies = strategy, accuracies

    def propose(self, count: int) -> list[str]:
        """Pass the proposals on."""
        return self._strategy.propose(count)

    def tell(self, rewards: Mapping[str, float]) -> None:
        """Pass on the accuracies of the rewarded networks."""
        self._strategy.tell({name: self._accuracies[name] for name in rewards})


def compare_strategies(
    space: KnownSpace,
    makers: Mapping[str, Callable[[int], Strategy]],
    budget: int,
    round_size: int,
    seeds: Sequence[int],
) -> pd.DataFrame:
    """Let all strategies search with the same number of evaluations.

    Args:
        space: the space that they search.
        makers: strategy name -> function that makes the strategy from a seed.
        budget: number of networks that each strategy evaluates.
        round_size: number of networks that a strategy proposes before it receives their rewards.
        seeds: seeds of the strategies that use random numbers.

    Returns:
        Rows of COMPARISON: one per evaluation.
    """
    runs = [(name, seed) for name in makers for seed in (seeds[:1] if name in FIXED else seeds)]
    rows = []
    for number, (name, seed) in enumerate(runs, start=1):
        trained = search(makers[name](seed), space.rewards, budget, round_size)
        rows.append(score_search(space, trained).assign(strategy=name, seed=seeds.index(seed)))
        print(f"compare_strategies: {number} of {len(runs)} searches", file=sys.stderr, flush=True)
    return pd.concat(rows, ignore_index=True)


def search(strategy: Strategy, rewards: Mapping[str, float], budget: int, round_size: int) -> list[str]:
    """Search in rounds, until the budget is spent or the strategy has no more proposals.

    Args:
        strategy: the strategy.
        rewards: network -> reward; a network without a reward counts as a failed training.
        budget: maximum number of proposals.
        round_size: number of networks proposed per round.

    Returns:
        The networks that were trained, in order.
    """
    trained: list[str] = []
    proposed_count = 0
    while proposed_count < budget:
        proposals = strategy.propose(min(round_size, budget - proposed_count))
        if not proposals:
            break
        known = {network: rewards[network] for network in proposals if network in rewards}
        strategy.tell(known)
        proposed_count += len(proposals)
        trained += known
    return trained


def score_search(space: KnownSpace, trained: Sequence[str]) -> pd.DataFrame:
    """Compute how much of the true front is found after each evaluation.

    Args:
        space: the space that was searched.
        trained: names of the networks, in the order of evaluation.

    Returns:
        Columns candidate, trained (from 1), training_hours (cumulative), recall_pct (share of the distinct points of
        the true front) and hypervolume_pct (share of the hypervolume of the true front).
    """
    rows = [space.rows[name] for name in trained]
    found, front = set(), np.empty((0, space.scaled.shape[1]))
    recall, volume_pct = np.zeros(len(rows)), np.zeros(len(rows))
    for number, row in enumerate(rows):
        front = np.vstack([front, space.scaled[row]])
        front = front[front_mask(front)]
        found |= {tuple(space.scaled[row])} & space.front
        recall[number] = len(found) / len(space.front)
        volume_pct[number] = space.share_pct(front)
    return pd.DataFrame(
        {
            "candidate": list(trained),
            "trained": np.arange(1, len(rows) + 1),
            "training_hours": np.cumsum(space.hours[rows]),
            "recall_pct": 100 * recall,
            "hypervolume_pct": volume_pct,
        }
    )


def compare_on_grid(
    candidates: pd.DataFrame,
    costs: pd.DataFrame,
    grid: GridConfig,
    chosen: SearchConfig,
    comparison: ComparisonConfig,
    objectives: Sequence[Objective],
    seed: int,
) -> pd.DataFrame:
    """Let every strategy search a trained grid.

    Strategies that predict accuracies are left out if another objective is also unknown before training.

    Args:
        candidates: rows of CANDIDATES, without baselines.
        costs: one row per (channels, architecture), with latency_mean_ms and multiply_adds, and with images_per_s and
            utilization_pct if they were measured.
        grid: the grid.
        chosen: round size, and target and weight of the reward.
        comparison: number of evaluations and of seeds.
        objectives: objectives of the front.
        seed: base seed.

    Returns:
        Rows of COMPARISON.
    """
    space = candidate_space(grid)
    known = known_candidates(space, costs)
    searched = SearchedCandidates(space, known, objectives, {})
    accuracy, latency = (candidates[name].to_numpy(dtype=np.float64) for name in ("accuracy_pct", "latency_mean_ms"))
    rewards = reward_of(chosen, known, accuracy, latency)
    evaluated = KnownSpace(
        candidates["candidate"].tolist(),
        to_losses(candidates, objectives),
        dict(zip(candidates["candidate"], rewards.tolist(), strict=True)),
        (candidates["training_s"] * candidates["folds"] / _SECONDS_PER_HOUR).to_numpy(dtype=np.float64),
    )

    accuracies = dict(zip(candidates["candidate"], accuracy.tolist(), strict=True))

    def maker(name: str) -> Callable[[int], Strategy]:
        search = chosen.model_copy(update={"strategy": name, "candidates": comparison.candidates})

        def make(strategy_seed: int) -> Strategy:
            strategy = make_strategy(strategy_input(search, searched, strategy_seed, folds))
            return ByAccuracy(strategy, accuracies) if search.declaration.rewarded_by_accuracy else strategy

        return make

    folds = int(candidates["folds"].max())
    seeds = [derive_seed(seed, "compare_strategies", number) % 2**32 for number in range(comparison.seeds)]
    predictable = {"accuracy_pct", *known.columns}.issuperset(objective.name for objective in objectives)
    names = [name for name in STRATEGIES if predictable or not all_strategies()[name].rewarded_by_accuracy]
    makers = {name: maker(name) for name in names}
    return compare_strategies(evaluated, makers, comparison.candidates, chosen.round_candidates, seeds)
