"""Efficiency under noise: draws that exist, the closed form, and arrows that chance does not draw."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp, kstest, truncnorm

from workflow_lib.pareto.stochastic import (
    draw_truncated,
    efficiency_samples,
    stochastic_dominance,
    transitive_closure,
    transitive_reduction,
    truncated_share,
)


def test_draws_follow_the_cut_distribution() -> None:
    mean, deviation = 97.0, 4.0
    drawn = draw_truncated(np.full(20_000, mean), np.full(20_000, deviation), 0, 100, np.random.default_rng(0))
    cut = truncnorm((0 - mean) / deviation, (100 - mean) / deviation, mean, deviation)
    assert drawn.max() <= 100
    assert kstest(drawn, cut.cdf).pvalue > 0.01
    expected = 1 - (cut.cdf(100) - cut.cdf(0)) * 0.7733726476  # the share of the whole normal below 100
    assert truncated_share(np.array([mean]), np.array([deviation]), 0, 100)[0] == pytest.approx(expected, abs=1e-6)


def test_no_draw_leaves_what_exists_however_wide_the_distribution() -> None:
    means, deviations = np.array([1e-3, 5.0, 50.0, 99.999]), np.array([10.0, 1e6, 1e-12, 30.0])
    generator = np.random.default_rng(1)
    drawn = np.array([draw_truncated(means, deviations, 0, 100, generator) for _ in range(2000)])
    assert (drawn > 0).all()
    assert (drawn <= 100).all()


def test_what_is_certain_is_not_drawn() -> None:
    means = np.array([3.0, 100.0])
    assert draw_truncated(means, np.zeros(2), 0, 100, np.random.default_rng(0)).tolist() == [3, 100]
    assert truncated_share(means, np.zeros(2), 0, 100).tolist() == [0, 0]


def test_one_input_and_one_output_are_the_ratios_of_the_same_draws() -> None:
    random = np.random.default_rng(2)
    costs, gains = random.uniform(1, 9, (12, 1)), random.uniform(50, 90, (12, 1))
    noise = np.full((12, 1), 0.3)
    found = efficiency_samples((costs, noise), (gains, noise), np.array([100.0]), "constant", "input", 5, seed=3)
    generator = np.random.default_rng(3)
    for sample in found:
        drawn_costs = draw_truncated(costs, noise, 0, np.inf, generator)[:, 0]
        ratio = draw_truncated(gains[:, 0], noise[:, 0], 0, 100, generator) / drawn_costs
        np.testing.assert_allclose(sample, ratio / ratio.max(), rtol=1e-9)


def test_the_same_seed_gives_the_same_samples_and_progress_is_told() -> None:
    values = np.arange(1.0, 5)[:, None]
    told: list[int] = []

    def samples(seed: int) -> np.ndarray:
        return efficiency_samples(
            (values, values / 5), (values, values / 9), np.array([np.inf]), "variable", "input", 4, seed, told.append
        )

    np.testing.assert_array_equal(samples(1), samples(1))
    assert (samples(1) != samples(2)).any()
    assert told[:4] == [1, 2, 3, 4]


def test_who_is_larger_everywhere_dominates() -> None:
    random = np.random.default_rng(0)
    samples = random.normal([0.9, 0.7, 0.5], 0.05, (500, 3))
    assert stochastic_dominance(samples, 0.95).tolist() == [[False, True, True], [False, False, True], [False] * 3]


def test_distributions_that_cross_do_not_dominate() -> None:
    random = np.random.default_rng(0)
    samples = np.column_stack([random.normal(0.6, 0.2, 1000), random.normal(0.55, 0.02, 1000)])
    assert not stochastic_dominance(samples, 0.95).any()


def test_equal_distributions_get_an_arrow_no_more_often_than_the_confidence_allows() -> None:
    random = np.random.default_rng(0)
    drawn = [stochastic_dominance(random.normal(size=(200, 10)), 0.9).any() for _ in range(200)]
    assert np.mean(drawn) < 0.1


def test_the_distance_is_kolmogorov_s_and_smirnov_s() -> None:
    """At the confidence where the distance is just critical, the arrow appears."""
    random = np.random.default_rng(4)
    samples = random.normal([0.3, 0.0], 1, (300, 2))
    distance = ks_2samp(samples[:, 0], samples[:, 1], alternative="less").statistic
    limit = 1 - 4 * np.exp(-300 * distance**2 / 2)
    assert 0.5 < limit < 1
    assert stochastic_dominance(samples, limit - 1e-6)[0, 1]
    assert not stochastic_dominance(samples, limit + 1e-6)[0, 1]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.integers(0, 10_000))
def test_a_reduction_says_the_same_with_no_arrow_too_many(units: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    arrows = np.triu(random.random((units, units)) < 0.4, 1)
    order = random.permutation(units)
    arrows = arrows[np.ix_(order, order)]
    reduced = transitive_reduction(arrows)
    np.testing.assert_array_equal(transitive_closure(reduced), transitive_closure(arrows))
    for larger, smaller in zip(*np.nonzero(reduced), strict=True):
        without = reduced.copy()
        without[larger, smaller] = False
        assert not transitive_closure(without)[larger, smaller]


@pytest.mark.parametrize("units", [2, 3, 6, 10])
def test_units_that_are_always_efficient_get_no_arrow(units: int) -> None:
    """Their scores are 1 up to the solver's tolerance: 16 of 40 such tables got an arrow when compared raw."""
    costs = np.linspace(1.0, 4.0, units)
    inputs, outputs = np.column_stack([costs, costs[::-1]]), np.sqrt(costs)[:, None]
    for seed in range(10):
        noise = 0.001 * np.ones_like(inputs)
        found = efficiency_samples(
            (inputs, noise), (outputs, np.zeros_like(outputs)), np.array([np.inf]), "variable", "input", 30, seed
        )
        assert (found == 1).all()
        assert not stochastic_dominance(found, 0.95).any()


@pytest.mark.parametrize("units", [2, 3, 4, 6, 10, 20])
def test_equal_units_get_an_arrow_in_at_most_one_table_of_twenty(units: int) -> None:
    """Efficiencies of one draw depend on each other: the best of the draw has 1, whoever it is."""
    random = np.random.default_rng(units)
    tables, wrong = 300, 0
    for _ in range(tables):
        gains = random.normal(80, 1, (200, units))
        wrong += stochastic_dominance(gains / gains.max(1, keepdims=True), 0.95).any()
    assert wrong <= 0.05 * tables


def test_differences_below_the_solver_s_tolerance_are_none() -> None:
    samples = np.full((200, 3), 0.7) + np.array([0.0, 1e-9, 4e-7])
    assert not stochastic_dominance(samples, 0.95).any()
    assert stochastic_dominance(np.full((200, 2), 0.7) + np.array([0.0, 1e-3]), 0.95).tolist() == [
        [False, False], [True, False],
    ]  # fmt: skip
