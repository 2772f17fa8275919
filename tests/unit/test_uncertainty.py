"""How often a candidate is on the front when folds are drawn again."""

from itertools import product
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_lib.pareto.front_config import Objective
from workflow_lib.pareto.front_uncertainty import front_frequency

OBJECTIVES = [
    Objective(name="accuracy_pct", direction="max"),
    Objective(name="latency_mean_ms", direction="min"),
]


def table(*rows: tuple[list[float], float]) -> pd.DataFrame:
    folds = [list(accuracies) for accuracies, _ in rows]
    latencies = [latency for _, latency in rows]
    return pd.DataFrame(
        {"fold_accuracy_pct": folds, "accuracy_pct": np.mean(folds, axis=1), "latency_mean_ms": latencies}
    )


def test_who_wins_in_every_fold_is_always_on_the_front_and_who_loses_never() -> None:
    candidates = table(([90, 92, 94], 8.0), ([89, 91, 93], 8.0), ([50, 50, 50], 7.0))
    assert front_frequency(candidates, OBJECTIVES, 200, 0).tolist() == [1, 0, 1]


def test_all_candidates_are_judged_on_the_same_folds() -> None:
    """Each wins the draws that favour its fold and ties the mixed ones: 3/4; drawn apart it would be 11/16."""
    candidates = table(([90.0, 80.0], 8.0), ([80.0, 90.0], 8.0))
    found = front_frequency(candidates, OBJECTIVES, 4000, 0)
    assert found == pytest.approx([0.75, 0.75], abs=0.025)
    assert (found >= 0.5).all()
    assert found.sum() >= 1


def test_frequencies_are_those_of_all_possible_draws() -> None:
    folds = np.array([[90.0, 80.0, 91.0], [85.0, 86.0, 87.0], [89.0, 83.0, 84.0]])
    candidates = table(*((accuracies.tolist(), 8.0) for accuracies in folds))
    draws = [folds[:, list(draw)].mean(1) for draw in product(range(3), repeat=3)]
    expected = np.mean([means >= means.max() - 1e-9 for means in draws], axis=0)
    assert front_frequency(candidates, OBJECTIVES, 4000, 1) == pytest.approx(expected.tolist(), abs=0.03)


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 100).map(float), min_size=4, max_size=4), st.integers(1, 5).map(float)),
        min_size=1,
        max_size=6,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_does_not_matter(rows: list[tuple[list[float], float]], random: Random) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    found = front_frequency(table(*rows), OBJECTIVES, 30, 3)
    moved = front_frequency(table(*(rows[position] for position in order)), OBJECTIVES, 30, 3)
    assert moved.tolist() == found[order].tolist()
    assert 0 <= found.min() <= found.max() <= 1
    assert found.sum() >= 1 - 1e-9


def test_the_seed_decides_the_draws() -> None:
    candidates = table(([90.0, 80.0, 85.0], 8.0), ([80.0, 90.0, 86.0], 8.0))
    first = front_frequency(candidates, OBJECTIVES, 100, 1).tolist()
    assert first == front_frequency(candidates, OBJECTIVES, 100, 1).tolist()
    assert first != front_frequency(candidates, OBJECTIVES, 100, 2).tolist()


def test_without_accuracy_the_front_is_certain() -> None:
    objectives = [Objective(name="latency_mean_ms", direction="min"), Objective(name="memory_bytes", direction="min")]
    candidates = table(([90.0, 80.0], 8.0), ([80.0, 90.0], 7.0)).assign(memory_bytes=[5, 5])
    assert front_frequency(candidates, objectives, 10, 0).tolist() == [0, 1]


def test_the_candidates_are_not_modified() -> None:
    candidates = table(([90.0, 80.0], 8.0), ([80.0, 90.0], 8.0))
    before = candidates.copy(deep=True)
    front_frequency(candidates, OBJECTIVES, 10, 0)
    pd.testing.assert_frame_equal(candidates, before)
