"""Fronts, ranks, epsilon-fronts and hypervolume, against slow oracles and the paper's tables."""

from collections.abc import Sequence
from typing import Any

import moocore
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from workflow_lib.pareto.dominance import (
    choose_by_hypervolume,
    epsilon_front,
    front_mask,
    hypervolume_share,
    knee,
    pareto_ranks,
    to_losses,
)
from workflow_lib.pareto.front_config import Objective

Losses = NDArray[np.float64]

# Small whole numbers: ties and equal rows are frequent, sums are exact.
SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=14).filter(lambda shape: shape[1] <= 4)
LOSSES = SHAPES.flatmap(lambda shape: arrays(np.float64, shape, elements=st.integers(-4, 4).map(float)))


def dominates(first: NDArray[Any], second: NDArray[Any]) -> bool:
    return bool((first <= second).all() and (first < second).any())


def slow_front(losses: Losses) -> list[bool]:
    return [not any(dominates(other, row) for other in losses) for row in losses]


def slow_ranks(losses: Losses) -> list[int]:
    """Take the front away, again and again."""
    ranks = np.full(len(losses), -1)
    rank = 0
    while (ranks < 0).any():
        left = np.flatnonzero(ranks < 0)
        ranks[left[slow_front(losses[left])]] = rank
        rank += 1
    return ranks.tolist()


@given(LOSSES)
def test_the_front_equals_the_slow_oracle(losses: Losses) -> None:
    before = losses.copy()
    assert front_mask(losses).tolist() == slow_front(losses)
    np.testing.assert_array_equal(losses, before)


@given(LOSSES)
def test_ranks_equal_the_slow_oracle(losses: Losses) -> None:
    ranks = pareto_ranks(losses)
    assert ranks.tolist() == slow_ranks(losses)
    assert ((ranks == 0) == front_mask(losses)).all()


def test_a_long_front_of_reals_equals_the_slow_oracle() -> None:
    losses = np.random.default_rng(0).normal(size=(400, 3))
    assert front_mask(losses).tolist() == slow_front(losses)
    assert pareto_ranks(losses).tolist() == slow_ranks(losses)


def test_equal_rows_stand_together() -> None:
    losses = np.array([[1, 2], [2, 1], [1, 2], [2, 2], [2, 2]], dtype=float)
    assert front_mask(losses).tolist() == [True, True, True, False, False]
    assert pareto_ranks(losses).tolist() == [0, 0, 0, 1, 1]


def test_losses_are_lower_when_better_and_keep_their_units() -> None:
    table = pd.DataFrame({"latency_mean_ms": [8.0, 9.0], "accuracy_pct": [96.0, 95.0]})
    objectives = [
        Objective(name="accuracy_pct", direction="max"),
        Objective(name="latency_mean_ms", direction="min"),
    ]
    np.testing.assert_array_equal(to_losses(table, objectives), [[-96, 8], [-95, 9]])
    assert table["accuracy_pct"].to_list() == [96, 95]


# The paper's tables 4 and 5: accuracy (%), latency (ms), memory (MB), and the exact bytes of the file

PUBLISHED = [
    (96.13, 8.19, 11.18, 11_177_708),
    (95.45, 8.23, 11.18, 11_175_404),
    (95.79, 18.30, 11.18, 11_177_508),
    (94.68, 8.13, 11.18, 11_175_404),
    (93.97, 18.24, 11.18, 11_175_204),
]
RESNET18 = [
    (92.90, 31.91, 44.71, 44_708_867),
    (93.60, 31.91, 44.71, 44_708_867),
    (89.67, 31.91, 44.71, 44_708_867),
    (94.76, 32.46, 44.73, 44_733_955),
    (95.37, 32.46, 44.73, 44_733_955),
    (94.51, 32.46, 44.73, 44_733_955),
]


def paper_losses(memory: int) -> Losses:
    return np.array([(-row[0], row[1], row[memory]) for row in PUBLISHED + RESNET18])


def test_bytes_are_the_megabytes_of_the_paper() -> None:
    for *_, megabytes, size in PUBLISHED + RESNET18:
        assert round(size / 1e6, 2) == megabytes


def test_exact_bytes_give_the_published_front() -> None:
    assert front_mask(paper_losses(memory=3)).tolist() == [True] * 5 + [False] * 6


def test_rounded_megabytes_dominate_three_of_the_published() -> None:
    assert front_mask(paper_losses(memory=2)).tolist() == [True, False, False, True, False] + [False] * 6


# Fewer models that stand for all


TOLERANCES = st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 20.0]), min_size=4, max_size=4)


@given(LOSSES, TOLERANCES)
def test_each_candidate_is_matched_by_one_of_the_epsilon_front(losses: Losses, tolerances: list[float]) -> None:
    allowed = np.array(tolerances[: losses.shape[1]])
    chosen = epsilon_front(losses, allowed)
    assert chosen.any()
    assert not (chosen & ~front_mask(losses)).any()
    for row in losses:
        assert any((member <= row + allowed).all() for member in losses[chosen])


@given(LOSSES)
def test_without_tolerance_each_distinct_point_of_the_front_is_kept_once(losses: Losses) -> None:
    chosen = losses[epsilon_front(losses, [0.0] * losses.shape[1])]
    front = {tuple(row) for row in losses[slow_front(losses)]}
    assert len(chosen) == len(front)
    assert {tuple(row) for row in chosen} == front


def test_a_tolerance_beyond_all_differences_leaves_one() -> None:
    losses = np.random.default_rng(1).normal(size=(50, 3))
    assert epsilon_front(losses, [100.0] * 3).sum() == 1


def test_a_difference_of_just_the_tolerance_counts_as_none() -> None:
    losses = np.array([[0.0, 1.0], [0.5, 0.0]])
    assert epsilon_front(losses, [0.5, 0.0]).tolist() == [False, True]
    assert epsilon_front(losses, [0.49, 0.0]).tolist() == [True, True]


def test_a_chain_of_small_differences_is_not_followed_to_its_end() -> None:
    """Each step is within the tolerance and both ends are not, so one member cannot stand for all."""
    losses = np.array([[float(step), 10.0 - step] for step in range(11)])
    chosen = np.flatnonzero(epsilon_front(losses, [2.0, 2.0]))
    assert len(chosen) > 1
    assert all(abs(step - chosen).min() <= 2 for step in range(11))


# Hypervolume


def slow_share(losses: Losses, front: NDArray[np.bool_]) -> list[float]:
    """Leave one out: what the front loses without it."""
    spread = np.ptp(losses, axis=0)
    scaled = (losses - losses.min(0)) / np.where(spread == 0, 1, spread)
    reference = [1.1] * losses.shape[1]

    def volume(rows: Sequence[int]) -> float:
        return float(moocore.hypervolume(scaled[rows], ref=reference)) if len(rows) else 0.0

    members = np.flatnonzero(front).tolist()
    whole = volume(members)
    return [100 * (1 - volume([m for m in members if m != row]) / whole) if front[row] else 0.0
            for row in range(len(losses))]  # fmt: skip


@given(LOSSES.filter(lambda losses: losses.shape[1] > 1))
def test_a_share_is_what_the_hypervolume_loses_without_the_member(losses: Losses) -> None:
    front = front_mask(losses)
    np.testing.assert_allclose(hypervolume_share(losses, front), slow_share(losses, front), atol=1e-9)


def test_a_share_by_hand() -> None:
    losses = np.array([[0.0, 10.0], [5.0, 5.0], [10.0, 0.0], [10.0, 10.0]])
    # Of the square of side 1.1: two corners of 0.1 x 1.1 and one of 0.6 x 0.6, which share 0.1 x 0.6 twice, less 0.01.
    volume = 2 * 0.11 + 0.36 - 2 * 0.06 - 0.01 + 0.01
    ends, middle = 0.11 - 0.06, 0.36 - 2 * 0.06 + 0.01
    expected = [100 * part / volume for part in (ends, middle, ends, 0)]
    np.testing.assert_allclose(hypervolume_share(losses, front_mask(losses)), expected)


def test_twins_lose_nothing_without_each_other() -> None:
    losses = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    share = hypervolume_share(losses, front_mask(losses))
    assert share[0] == share[2] == pytest.approx(0, abs=1e-12)
    assert share[1] > 0


def test_a_single_candidate_has_the_whole_volume() -> None:
    losses = np.array([[3.0, 4.0]])
    assert hypervolume_share(losses, front_mask(losses)) == pytest.approx([100])


def test_the_knee_lies_furthest_below_the_line_between_the_ends() -> None:
    losses = np.array([[0.0, 100.0], [1.0, 30.0], [2.0, 30.0], [10.0, 0.0], [0.5, 200.0]])  # the last is off the front
    assert knee(losses) == 1
    assert knee(losses * [1e6, 1e-6] + 5) == 1


def test_without_a_knee_the_first_on_the_line_is_taken() -> None:
    assert knee(np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 2.0]])) == 0
    assert knee(np.array([[1.0, 1.0]])) == 0


def test_rows_are_chosen_by_the_hypervolume_that_they_add() -> None:
    """By hand: (scaled, reference 1.1) 0.5, 0.5 covers 0.36; the ends cover 0.11 each and then add 0.05 each."""
    losses = np.array([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0], [2.0, 2.0], [1.0, 1.5]])
    assert choose_by_hypervolume(losses, 3).tolist() == [1, 0, 2]
    assert choose_by_hypervolume(losses, 1).tolist() == [1]
    # The front comes first; the others by fronts of their own.
    assert choose_by_hypervolume(losses, 9).tolist() == [1, 0, 2, 4, 3]
