"""Rounds of a search: the next proposals of a strategy, from all earlier proposals and rewards."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.candidate import KEYS, Candidate
from workflow_lib.core.errors import UserError
from workflow_lib.search.proposers import constrained_reward
from workflow_lib.search.search_config import SearchConfig
from workflow_lib.search.searched_candidates import SearchedCandidates, mean_accuracies, names_of, split
from workflow_lib.search.strategy_declaration import RungInput, Strategy, StrategyInput

_SECONDS_PER_HOUR = 3600


def propose_round(
    search: SearchConfig,
    searched: SearchedCandidates,
    seed: int,
    round_number: int,
    proposals: pd.DataFrame | None,
    scores: pd.DataFrame | None,
    folds: int,
    older_scores: Sequence[pd.DataFrame] = (),
) -> pd.DataFrame:
    """Propose the candidates of the next round.

    The strategy repeats all earlier rounds with the same seed and rewards, so only tables are kept between rounds.

    Args:
        search: the strategy and its budget.
        searched: the candidates that it chooses from.
        seed: seed of the strategy.
        round_number: number of the round, from 0.
        proposals: rows of PROPOSALS of all earlier rounds; None in the first round.
        scores: rows of FOLD_SCORES of these proposals; a candidate without scores failed, and the strategy receives no
            reward for it.
        folds: number of folds of the run.
        older_scores: what `scores` was in the rounds before, the latest first; only for rungs of successive halving.

    Returns:
        Rows of PROPOSALS of the earlier rounds and of this one.

    Raises:
        UserError: if the strategy would now propose other candidates in an earlier round.
    """
    given = strategy_input(search, searched, seed, folds)
    known = searched.including(names_of(proposals)).known
    rewards = {} if scores is None else rewards_of(search, known, scores, folds)
    if search.rungs:
        older = [rewards_of(search, known, each, folds) for each in older_scores]
        return _propose_rung(given, round_number, proposals, [rewards, *older])
    trainer = _ByFolds(given, scores) if search.folds_at_a_time else _ByCandidate(given, rewards)
    for number in range(round_number):
        if proposals is not None and is_spent(search, scores) and number not in set(proposals["round"]):
            continue
        asked = trainer.ask(number)
        now = _rows(asked, number)
        earlier = now.head(0) if proposals is None else proposals.loc[proposals["round"] == number, list(now)]
        if now.to_numpy().tolist() != earlier.to_numpy().tolist():
            raise UserError(
                f"round {number} would propose other candidates now", "proposals", "delete the table of this round"
            )
        trainer.tell(asked)
    ends = is_spent(search, scores) and not search.completes(round_number, folds)
    asked = {} if ends else trainer.ask(round_number)
    proposed = _rows(asked, round_number)
    return proposed if proposals is None else pd.concat([proposals, proposed], ignore_index=True)


def is_spent(search: SearchConfig, scores: pd.DataFrame | None) -> bool:
    """Whether the trainings so far have taken `search.training_hours`.

    Args:
        search: the strategy and its budget.
        scores: rows of FOLD_SCORES; None before the first training.
    """
    if search.training_hours is None or scores is None:
        return False
    return bool(scores["training_s"].sum() >= _SECONDS_PER_HOUR * search.training_hours)


def _rows(asked: Mapping[str, int], number: int) -> pd.DataFrame:
    """Return rows of PROPOSALS without search_s."""
    return split(list(asked)).assign(round=number, folds=list(asked.values()), part=1).astype({"folds": "int64"})


def _propose_rung(
    given: StrategyInput, round_number: int, proposals: pd.DataFrame | None, accuracies: Sequence[Mapping[str, float]]
) -> pd.DataFrame:
    """Propose the next rung of a strategy that trains for a part of the epochs first; see `propose_round`.

    Args:
        given: input of the strategy.
        round_number: number of the round, from 0.
        proposals: rows of PROPOSALS of all earlier rounds; None in the first round.
        accuracies: accuracies of all candidates so far that were trained for the part of the round before this one, of
            the round before that, and so on.

    Raises:
        UserError: if all trainings of the rung before failed.
    """
    search = given.search
    propose, rungs = search.declaration.propose_rung, search.rungs
    assert propose and rungs
    earlier = pd.DataFrame(columns=[*KEYS, "round"]) if proposals is None else proposals
    in_round = {number: names_of(earlier[earlier["round"] == number]) for number in range(round_number)}
    observed: dict[int, Mapping[str, float]] = {}
    for number, each in zip(range(round_number - 1, -1, -1), accuracies, strict=False):
        observed.setdefault(search.part(number), each)
    rung = round_number % rungs.rungs
    last = in_round[round_number - 1] if rung else []
    known = observed.get(search.part(round_number - 1), {})
    judged = {name: known[name] for name in last if name in known}
    if last and not judged:
        raise UserError(
            f"no candidate of rung {rung} has all its folds", "search.halving", "see the logs of train_part"
        )
    starts = [in_round[number] for number in range(0, round_number, rungs.rungs)]
    count = rungs.promoted(len(judged)) if rung else rungs.first_candidates(search.rung_effort(round_number))
    asked = dict.fromkeys(propose(given, RungInput(rung, count, judged, observed, starts)), given.folds)
    proposed = _rows(asked, round_number).assign(part=search.part(round_number))
    return proposed if proposals is None else pd.concat([proposals, proposed], ignore_index=True)


class _ByCandidate:
    """Asks a strategy for candidates, which are trained on all folds, and tells it their rewards.

    Args:
        given: input of the strategy.
        rewards: rewards of the candidates that were trained, by name.
    """

    def __init__(self, given: StrategyInput, rewards: Mapping[str, float]) -> None:
        self._given, self._strategy, self._rewards = given, make_strategy(given), rewards

    def ask(self, number: int) -> dict[str, int]:
        """Return the trainings of a round: name -> number of first folds that the candidate shall then have."""
        size = self._given.search.round_size(number, self._given.folds)
        return dict.fromkeys(self._strategy.propose(size), self._given.folds)

    def tell(self, asked: Mapping[str, int]) -> None:
        """Tell the strategy the results of a round, without those of failed trainings."""
        self._strategy.tell({name: self._rewards[name] for name in asked if name in self._rewards})


class _ByFolds:
    """Asks a strategy for single folds of candidates, and tells it their accuracies; like `_ByCandidate`.

    Args:
        given: input of the strategy.
        scores: rows of FOLD_SCORES; None before the first training.
    """

    def __init__(self, given: StrategyInput, scores: pd.DataFrame | None) -> None:
        make = given.search.declaration.make_by_folds
        assert make
        self._given, self._strategy = given, make(given)
        self._accuracies: dict[str, dict[int, float]] = {}
        if scores is not None:
            for *key, fold, accuracy in scores[[*KEYS, "fold", "accuracy_pct"]].itertuples(index=False):
                self._accuracies.setdefault(str(Candidate(*key)), {})[fold] = accuracy

    def ask(self, number: int) -> dict[str, int]:
        """See `_ByCandidate.ask`; the last round completes the best candidates."""
        search, folds = self._given.search, self._given.folds
        if search.completes(number, folds):
            return self._strategy.complete()
        return self._strategy.propose_folds(search.round_size(number, folds))

    def tell(self, asked: Mapping[str, int]) -> None:
        """See `_ByCandidate.tell`."""
        known = {name: self._accuracies.get(name, {}) for name in asked}
        self._strategy.tell_folds(
            {
                name: [known[name][fold] for fold in range(count)]
                for name, count in asked.items()
                if all(fold in known[name] for fold in range(count))
            }
        )


def strategy_input(search: SearchConfig, searched: SearchedCandidates, seed: int, folds: int) -> StrategyInput:
    """Return the input of the strategy that a configuration names.

    Args:
        search: the name of the strategy, and its budget.
        searched: the candidates that it chooses from.
        seed: seed of the strategy.
        folds: number of folds of the run.
    """
    return StrategyInput(
        searched.space,
        searched.known,
        search,
        getattr(search, search.strategy, None),
        seed,
        searched.objectives,
        searched.budgets,
        folds,
        searched.describe,
    )


def make_strategy(given: StrategyInput) -> Strategy:
    """Make the strategy that a configuration names.

    Args:
        given: its input.

    Raises:
        ValueError: if the strategy does not choose from the grid, but proposes from result tables of separate jobs.
    """
    make = given.search.declaration.make
    if make is None:
        raise ValueError(
            f"search.strategy {given.search.strategy} proposes from result tables and cannot search a grid"
        )
    return make(given)


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
        known: rows of `searched_candidates.known_candidates`; their median latency is the default target.
        scores: rows of FOLD_SCORES.
        count: number of folds that each candidate must have.
    """
    trained = mean_accuracies(scores, count).merge(known, on=KEYS)
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
