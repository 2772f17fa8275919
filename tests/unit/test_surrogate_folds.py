"""Folds as the fidelity of the surrogate: comparable means, and which trainings are proposed."""

import numpy as np
import pytest

from workflow_lib.search.fold_effects import fold_means
from workflow_lib.search.gaussian_process import Posterior
from workflow_lib.search.surrogate_folds import SurrogateByFolds
from workflow_lib.search.surrogate_goals import BudgetGoal, FrontGoal

NAMES = [f"n{number}" for number in range(60)]
FOLDS = 5


def problem(noise: float = 0.7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, accuracies on all folds, and costs of networks, with folds of different difficulty."""
    random = np.random.default_rng(0)
    features = random.uniform(-1.5, 1.5, (len(NAMES), 3))
    means = 80 + 6 * np.tanh(features[:, 0]) - 3 * (features[:, 1] - 0.5) ** 2
    effects = np.array([3.0, -1.0, 0.0, -4.0, 2.0])
    accuracies = means[:, None] + effects + random.normal(0, noise, (len(NAMES), FOLDS))
    return features, accuracies, np.exp(features[:, :1])


def searched(seed: int, rounds: int, noise: float = 0.7) -> tuple[SurrogateByFolds, dict[int, int]]:
    features, accuracies, costs = problem(noise)
    strategy, trained = SurrogateByFolds(NAMES, features, FrontGoal(costs), FOLDS, 1, seed), dict[int, int]()
    for _ in range(rounds):
        proposed = strategy.propose_folds(6)
        assert sum(count - trained.get(int(name[1:]), 0) for name, count in proposed.items()) <= 6
        assert all(count > trained.get(int(name[1:]), 0) for name, count in proposed.items())
        trained |= {int(name[1:]): count for name, count in proposed.items()}
        strategy.tell_folds({name: accuracies[int(name[1:]), :count].tolist() for name, count in proposed.items()})
    return strategy, trained


def test_means_over_different_folds_are_comparable() -> None:
    _, accuracies, _ = problem(noise=1e-9)
    counts = [5, 1, 3, 2, 1, 5]
    found = fold_means([accuracies[row, :count].tolist() for row, count in enumerate(counts)])
    assert found.means == pytest.approx(accuracies[:6].mean(axis=1), abs=1e-6)
    assert found.counts.tolist() == counts
    assert found.fold_variance == pytest.approx(0, abs=1e-6)


def test_the_variance_of_folds_is_estimated_without_bias() -> None:
    random, estimates = np.random.default_rng(1), []
    for _ in range(300):
        counts = random.integers(1, 6, 8)
        accuracies = 80 + random.normal(0, 5, (8, 1)) + np.arange(5) + random.normal(0, 2, (8, 5))
        estimates.append(fold_means([row[:count].tolist() for row, count in zip(accuracies, counts, strict=True)]))
    variances = np.array([each.fold_variance for each in estimates])
    variances = variances[np.isfinite(variances)]
    assert variances.mean() == pytest.approx(4, abs=4 * variances.std() / len(variances) ** 0.5)


def test_one_fold_each_has_no_variance_to_estimate() -> None:
    found = fold_means([[80.0], [90.0]])
    assert found.means.tolist() == [80.0, 90.0]
    assert np.isnan(found.fold_variance)
    assert found.extra_variances.tolist() == [0, 0]


def test_the_model_trusts_means_over_few_folds_less() -> None:
    features = np.linspace(-2, 2, 21)[:, None]
    rows, values = np.arange(0, 21, 2), np.sin(2 * features[::2, 0])
    extra = np.zeros(len(rows))
    extra[5] = 4.0
    trusting, doubting = Posterior(features, rows, values), Posterior(features, rows, values, extra)
    assert doubting.deviation[10] > 2 * trusting.deviation[10]
    assert doubting.deviation[0] == pytest.approx(trusting.deviation[0], rel=0.5)


def test_it_repeats_itself_and_never_exceeds_the_folds() -> None:
    _, trained = searched(3, 12)
    assert searched(3, 12)[1] == trained != searched(4, 12)[1]
    assert max(trained.values()) <= FOLDS


def test_more_folds_go_to_candidates_near_the_front() -> None:
    _, accuracies, costs = problem()
    means = accuracies.mean(axis=1)
    gaps = np.array([means[costs[:, 0] <= cost].max() for cost in costs[:, 0]]) - means
    few, many = [], []
    for seed in range(3):
        trained = searched(seed, 15)[1]
        few += [gaps[row] for row, count in trained.items() if count == 1]
        many += [gaps[row] for row, count in trained.items() if count >= 3]
    assert many
    assert np.mean(many) < 0.5 * np.mean(few)


def test_the_believed_front_is_completed() -> None:
    features, accuracies, costs = problem()
    strategy, trained = searched(2, 10)
    rest = strategy.complete()
    assert set(rest.values()) == {FOLDS}
    known = np.array(sorted(trained))
    found = fold_means([accuracies[row, : trained[row]].tolist() for row in known])
    best = FrontGoal(costs).best(Posterior(features, known, found.means, found.extra_variances).mean, known)
    assert {int(name[1:]) for name in rest} == {row for row in best if trained[row] < FOLDS}


def test_the_best_within_budgets_are_completed() -> None:
    features, accuracies, costs = problem()
    goal = BudgetGoal(costs, np.quantile(costs, [0.3, 0.7])[:, None])
    strategy = SurrogateByFolds(NAMES, features, goal, FOLDS, 2, 0)
    for _ in range(4):
        proposed = strategy.propose_folds(5)
        strategy.tell_folds({name: accuracies[int(name[1:]), :count].tolist() for name, count in proposed.items()})
    assert 1 <= len(strategy.complete()) <= 2


def test_failed_trainings_and_an_exhausted_space_end_it() -> None:
    features, accuracies, costs = problem()
    strategy = SurrogateByFolds(NAMES[:6], features[:6], FrontGoal(costs[:6]), 2, 1, 0)
    first = strategy.propose_folds(4)
    told = {name: accuracies[int(name[1:]), :1].tolist() for name in list(first)[:2]}
    strategy.tell_folds(told)
    assert strategy.complete().keys() <= told.keys()
    failed = set(first) - set(told)
    again = strategy.propose_folds(4)
    later = {name for name, count in again.items() if count == 2}
    failed |= later  # their second fold fails
    strategy.tell_folds(
        {name: accuracies[int(name[1:]), :count].tolist() for name, count in again.items() if name not in later}
    )
    assert not failed & set(strategy.complete())
    for _ in range(8):
        proposed = strategy.propose_folds(4)
        assert not failed & set(proposed)
        strategy.tell_folds({name: accuracies[int(name[1:]), :count].tolist() for name, count in proposed.items()})
    assert strategy.propose_folds(4) == {}
