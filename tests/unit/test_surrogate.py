"""The strategy `surrogate`: exact expected improvement, a posterior that can be conditioned, and what it proposes."""

import moocore
import numpy as np
import pandas as pd
import pytest
from examples import config

from workflow_lib.core.errors import ConfigError
from workflow_lib.search.gaussian_process import Posterior
from workflow_lib.search.known_cost_improvement import KnownCostFront
from workflow_lib.search.searched_candidates import candidate_space
from workflow_lib.search.shared_accuracy import shared_accuracies
from workflow_lib.search.surrogate_goals import BestWithin, BudgetGoal, FrontGoal
from workflow_lib.search.surrogate_search import Surrogate, describe_candidates

NAMES = [f"n{number}" for number in range(400)]


@pytest.mark.parametrize("costs", [1, 2, 3])
@pytest.mark.parametrize("members", [0, 1, 6])
def test_expected_improvement_is_that_of_simulated_accuracies(costs: int, members: int) -> None:
    random = np.random.default_rng(10 * costs + members)
    accuracy, known = random.uniform(50, 90, members), random.uniform(1, 9, (members, costs))
    worst = np.full(costs, 8.0)
    front = KnownCostFront(accuracy, known, 55.0, worst, np.full(costs, 0.5))
    mean, deviation, own = random.uniform(50, 95, 8), random.uniform(0.1, 5, 8), random.uniform(0.5, 9, (8, costs))
    points, reference = np.column_stack([-accuracy, known]), np.append(-55.0, worst)
    before = moocore.hypervolume(points, ref=reference) if members else 0.0
    assert front.total == pytest.approx(before)
    for number, found in enumerate(front.improvement(mean, deviation, own)):
        samples = random.normal(mean[number], deviation[number], 1500)
        gains = [
            moocore.hypervolume(np.vstack([points, np.append(-sample, own[number])]), ref=reference) - before
            for sample in samples
        ]
        assert found == pytest.approx(np.mean(gains), abs=4 * np.std(gains) / 1500**0.5 + 0.05)


def test_the_posterior_goes_through_values_without_noise_and_is_sure_of_them() -> None:
    features = np.linspace(-2, 2, 41)[:, None]
    values = np.sin(2 * features[:, 0])
    rows = np.arange(0, 41, 5)
    posterior = Posterior(features, rows, values[rows])
    assert posterior.mean[rows] == pytest.approx(values[rows], abs=0.02)
    assert np.abs(posterior.mean - values).max() < 0.15
    assert posterior.deviation[rows].max() < posterior.deviation[np.setdiff1d(np.arange(41), rows)].min()


def test_conditioning_on_a_candidate_lowers_what_is_uncertain_near_it() -> None:
    features = np.linspace(-2, 2, 41)[:, None]
    posterior = Posterior(features, np.array([0, 20, 40]), np.array([0.0, 1.0, 0.0]))
    before, mean = posterior.deviation, posterior.mean.copy()
    posterior.condition(10)
    after = posterior.deviation
    assert after[10] < 0.3 * before[10] and (after <= before + 1e-9).all()
    assert before[10] - after[10] > before[30] - after[30]
    assert (posterior.mean == mean).all()


def test_accuracies_with_shared_weights_are_a_feature_relative_to_their_channel_set() -> None:
    rankings = pd.DataFrame(
        {"channels": ["5", "5", "7", "7"], "architecture": ["a", "b"] * 2, "accuracy_pct": [60.0, 70.0, 90.0, 94.0]}
    )
    assert shared_accuracies(rankings)["shared_accuracy_pct"].tolist() == [-5, 5, -2, 2]
    space = candidate_space(config({"grid.space.stride": [1, 2]}).grid)
    names = space.networks()
    known = pd.DataFrame({"candidate": names, "parameters": 1.0, "multiply_adds": np.arange(len(names)) + 1.0})
    plain = describe_candidates(space, known, ["multiply_adds"])
    extended = describe_candidates(
        space, known.assign(shared_accuracy_pct=np.arange(len(names)) % 3), ["multiply_adds"]
    )
    assert (extended[:, :-1] == plain).all()
    assert extended[:, -1].std() == pytest.approx(1)


def problem() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, accuracies and costs of networks whose accuracy has a trend and an optimum."""
    random = np.random.default_rng(0)
    features = random.uniform(-1.5, 1.5, (len(NAMES), 3))
    costs = np.exp(features[:, :1])
    accuracy = 80 + 6 * np.tanh(features[:, 0]) - 5 * (features[:, 1] - 0.5) ** 2 + 2 * features[:, 2]
    return features, accuracy, costs


def share(accuracy: np.ndarray, costs: np.ndarray, rows: list[int]) -> float:
    points = np.column_stack([-accuracy, costs])
    reference = [-np.median(accuracy), costs.max()]
    return float(moocore.hypervolume(points[rows], ref=reference) / moocore.hypervolume(points, ref=reference))


def searched(seed: int, count: int = 32) -> list[str]:
    features, accuracy, costs = problem()
    strategy, found = Surrogate(NAMES, features, FrontGoal(costs), seed), list[str]()
    while len(found) < count:
        some = strategy.propose(8)
        strategy.tell({name: float(accuracy[int(name[1:])]) for name in some})
        found += some
    return found


def test_it_proposes_each_candidate_once_and_repeats_itself() -> None:
    found = searched(1)
    assert len(set(found)) == 32
    assert found == searched(1) != searched(2)


def test_it_finds_more_of_the_front_than_random_draws() -> None:
    _, accuracy, costs = problem()
    random = np.random.default_rng(5)
    ours = [share(accuracy, costs, [int(name[1:]) for name in searched(seed)]) for seed in range(3)]
    drawn = [share(accuracy, costs, [int(row) for row in random.permutation(400)[:32]]) for _ in range(20)]
    assert np.mean(ours) > 0.95 > np.mean(drawn) + 0.1


def test_what_is_trained_is_near_the_front() -> None:
    _, accuracy, costs = problem()
    gaps = np.array([accuracy[costs[:, 0] <= cost].max() for cost in costs[:, 0]]) - accuracy
    rows = [int(name[1:]) for name in searched(3)][16:]
    assert np.median(gaps[rows]) < 0.3 * np.median(gaps)


def test_expected_gain_within_budgets_is_that_of_simulated_accuracies() -> None:
    random = np.random.default_rng(4)
    accuracy, known = random.uniform(60, 90, 7), random.uniform(1, 9, (7, 2))
    budgets = np.array([[3.0, np.inf], [7.0, np.inf], [np.inf, 5.0]])
    floors = np.array([65.0, 70.0, 60.0])
    found = BestWithin(accuracy, known, floors, budgets)
    mean, deviation, own = random.uniform(60, 95, 5), random.uniform(1, 5, 5), random.uniform(1, 9, (5, 2))

    def total(accuracies: np.ndarray, costs: np.ndarray) -> float:
        limits = zip(budgets, floors, strict=True)
        best = [max([floor, *accuracies[(costs <= limit).all(axis=1)]]) - floor for limit, floor in limits]
        return float(sum(best))

    assert found.total == pytest.approx(total(accuracy, known))
    for number, gain in enumerate(found.improvement(mean, deviation, own)):
        samples = random.normal(mean[number], deviation[number], 4000)
        gains = [total(np.append(accuracy, one), np.vstack([known, own[number]])) - found.total for one in samples]
        assert gain == pytest.approx(np.mean(gains), abs=4 * np.std(gains) / 4000**0.5 + 0.01)


def test_random_draws_take_turns_between_budgets() -> None:
    costs = np.arange(100.0)[:, None]
    goal = BudgetGoal(costs, np.array([[3.0], [60.0]]))
    drawn = goal.draw(np.arange(100), 12, np.random.default_rng(0))
    assert len(set(drawn)) == 12
    assert {0, 1, 2, 3} <= set(drawn), "the smallest budget has four candidates, and six turns"
    assert max(drawn[1:8:2]) <= 60
    ten = BudgetGoal(costs, np.arange(5.0, 105.0, 10.0)[:, None])
    generator, rows = np.random.default_rng(1), np.arange(100)
    last = [ten.draw(rows, 1, generator, before)[0] for before in range(10)]
    assert all(row <= limit for row, limit in zip(last, range(5, 105, 10), strict=True)), "turns go on between calls"


def test_a_small_budget_is_searched_although_all_its_candidates_are_below_the_median() -> None:
    random = np.random.default_rng(0)
    names, size = [f"n{row}" for row in range(300)], np.sort(random.uniform(1, 9, 300))
    accuracy = 60 + 4 * size + 2 * np.sin(5 * size)
    features = np.column_stack([size, np.sin(5 * size)])
    features = (features - features.mean(0)) / features.std(0)
    regrets = []
    for seed in range(3):
        goal = BudgetGoal(size[:, None], np.array([[size[59]], [9.0]]))
        strategy, found = Surrogate(names, features, goal, seed), list[int]()
        while len(found) < 32:
            some = [int(name[1:]) for name in strategy.propose(8)]
            if not some:
                break
            strategy.tell({names[row]: float(accuracy[row]) for row in some})
            found += some
        regrets.append(accuracy[:60].max() - max(accuracy[row] for row in found if row < 60))
    assert np.mean(regrets) < 0.2


def test_a_search_for_budgets_beats_the_best_random_draws_within_each() -> None:
    features, accuracy, costs = problem()
    budgets = np.quantile(costs, [0.1, 0.4, 0.8])[:, None]
    gains = []
    for seed in range(3):
        strategy, found = Surrogate(NAMES, features, BudgetGoal(costs, budgets), seed), list[int]()
        while len(found) < 30:
            some = [int(name[1:]) for name in strategy.propose(6)]
            strategy.tell({NAMES[row]: float(accuracy[row]) for row in some})
            found += some
        random = np.random.default_rng(seed)
        for budget in budgets[:, 0]:
            within = np.flatnonzero(costs[:, 0] <= budget)
            best = max(accuracy[row] for row in found if costs[row, 0] <= budget)
            gains.append(best - accuracy[random.choice(within, 10, replace=False)].max())
    assert np.mean(gains) > 0.5


def test_failed_trainings_and_an_exhausted_space() -> None:
    features, _, costs = problem()
    strategy = Surrogate(NAMES[:10], features[:10], FrontGoal(costs[:10]), 0)
    first = strategy.propose(6)
    strategy.tell({first[0]: 80.0})
    assert len({*first, *strategy.propose(6)}) == 10
    assert strategy.propose(6) == []


def test_features_are_finite_and_tell_candidates_apart() -> None:
    space = candidate_space(config().grid)
    names = space.networks()
    known = pd.DataFrame({"candidate": names, "parameters": range(1, len(names) + 1), "multiply_adds": 10**6})
    features = describe_candidates(space, known, [])
    assert np.isfinite(features).all()
    assert len(np.unique(features, axis=0)) == len(names)


def test_other_scores_as_objectives_are_refused() -> None:
    objectives = [{"name": "f1_pct", "direction": "max"}, {"name": "memory_bytes", "direction": "min"}]
    with pytest.raises(ConfigError, match="strategy surrogate predicts accuracies"):
        config({"search": {"strategy": "surrogate"}, "front.objectives": objectives})
