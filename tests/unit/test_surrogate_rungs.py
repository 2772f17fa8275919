"""The surrogate by successive halving: rungs of new candidates, and what is known of those that stopped early."""

import moocore
import numpy as np
import pytest
from numpy.typing import NDArray

from workflow_lib.core.seeds import derive_seed
from workflow_lib.search.search_config import SearchConfig
from workflow_lib.search.strategy_declaration import RungInput
from workflow_lib.search.surrogate_goals import FrontGoal
from workflow_lib.search.surrogate_rungs import SurrogateByRungs, final_accuracies
from workflow_lib.search.surrogate_search import Surrogate

NAMES = [f"n{number}" for number in range(400)]
GAINS = {9: 12.0, 3: 4.0, 1: 0.0}
"""What a candidate gains after 1/n of its epochs."""


def problem(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Features, accuracies that depend on them smoothly and on luck, and costs."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(len(NAMES), 4))
    costs = np.exp(features[:, :1])
    accuracy = 80 + 3 * np.tanh(features[:, 0]) + 3 * np.sin(features[:, 1]) + random.normal(0, 1, len(NAMES))
    return features, accuracy, costs


def share(accuracy: NDArray[np.float64], costs: NDArray[np.float64], rows: list[int]) -> float:
    losses = np.column_stack([-accuracy, costs])
    reference = np.array([-np.median(accuracy), np.quantile(costs, 0.9)])
    inside = [row for row in rows if (losses[row] < reference).all()]
    all_inside = losses[(losses < reference).all(axis=1)]
    return moocore.hypervolume(losses[inside], ref=reference) / moocore.hypervolume(all_inside, ref=reference)


def by_rungs(seed: int, searches: int, effort: int, early_noise: float) -> tuple[list[int], list[list[str]]]:
    features, accuracy, costs = problem(seed)
    search = SearchConfig.model_validate({"strategy": "halving"})
    rungs = search.rungs
    assert rungs
    random = np.random.default_rng(derive_seed(seed, "noise"))
    noise = {part: random.normal(0, early_noise * (part > 1), len(NAMES)) for part in GAINS}
    observed: dict[int, dict[str, float]] = {part: {} for part in GAINS}
    starts: list[list[str]] = []
    for _ in range(searches):
        judged: dict[str, float] = {}
        for rung in range(3):
            count = rungs.promoted(len(judged)) if rung else rungs.first_candidates(effort)
            given = RungInput(rung, count, judged, {part: found for part, found in observed.items() if found}, starts)
            surrogate = SurrogateByRungs(NAMES, features, FrontGoal(costs), given, seed)
            names = surrogate.promote() if rung else surrogate.start()
            assert len(names) == len(set(names)) == count
            assert set(names) <= set(judged) or not rung
            part = rungs.part(rung)
            rows = [NAMES.index(name) for name in names]
            judged = {NAMES[row]: accuracy[row] - GAINS[part] + noise[part][row] for row in rows}
            observed[part] |= judged
            if not rung:
                assert not {name for earlier in starts for name in earlier} & set(names), "started once"
                starts = [*starts, names]
    return [NAMES.index(name) for name in observed[1]], starts


def whole(seed: int, count: int) -> list[int]:
    features, accuracy, costs = problem(seed)
    surrogate, rows = Surrogate(NAMES, features, FrontGoal(costs), seed), list[int]()
    while len(rows) < count:
        names = surrogate.propose(8)
        surrogate.tell({name: accuracy[NAMES.index(name)] for name in names})
        rows += [NAMES.index(name) for name in names]
    return rows


def test_gains_are_those_of_candidates_that_are_known_at_both_parts() -> None:
    observed = {9: {"a": 50.0, "b": 48.0, "c": 40.0}, 3: {"a": 60.0, "b": 59.0}, 1: {"a": 70.0}}
    accuracies, variances = final_accuracies(observed)
    assert accuracies == {"a": 70.0, "b": 69.0, "c": 40 + 10.5 + 10}
    assert variances == {"a": 0.0, "b": 0.0, "c": pytest.approx(0.5)}
    assert final_accuracies({9: {"a": 50.0}}) == ({"a": 50.0}, {"a": 0.0})


def test_each_search_starts_new_candidates_and_finishes_a_few() -> None:
    rows, starts = by_rungs(0, 3, 8, 0.5)
    assert [len(names) for names in starts] == [30, 30, 30]
    assert len(rows) == 3 * 4


def test_at_the_same_effort_it_finds_more_of_the_front_than_whole_trainings_if_early_accuracies_tell() -> None:
    shares = []
    for seed in range(4):
        _, accuracy, costs = problem(seed)
        rows, _ = by_rungs(seed, 3, 8, 0.5)
        shares.append((share(accuracy, costs, rows), share(accuracy, costs, whole(seed, 24))))
    ours, theirs = np.mean(shares, axis=0)
    assert ours > theirs + 0.04
