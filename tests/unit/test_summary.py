"""Folds put together: intervals and means."""

import numpy as np
import pytest
from examples import SMALL, UNPOOLED, fold_scores
from hypothesis import given
from hypothesis import strategies as st
from pandas import concat

from workflow_lib.training.fold_summary import confidence_interval, summarise_folds

ACCURACIES = [90.0, 92.0, 94.0, 96.0, 98.0]


def test_the_interval_by_hand() -> None:
    """Mean 94, variance 10, t(0.975, 4) = 2.776445: half width 2.776445 x sqrt(10 x (1/5 + 1/4)) = 5.88973."""
    assert confidence_interval(np.array(ACCURACIES), 1 / 4) == pytest.approx((88.11027, 99.88973), abs=1e-5)


def test_another_level_by_hand() -> None:
    """t(0.95, 4) = 2.131847: half width 2.131847 x sqrt(4.5) = 4.52233."""
    low, high = confidence_interval(np.array(ACCURACIES), 1 / 4, level=0.9)
    assert (low, high) == pytest.approx((94 - 4.52233, 94 + 4.52233), abs=1e-5)


def test_two_folds_by_hand() -> None:
    """Mean 81, variance 2, t(0.975, 1) = 12.706205: half width 12.706205 x sqrt(2 x (1/2 + 1)) = 22.00779."""
    assert confidence_interval(np.array([80.0, 82.0]), 1.0) == pytest.approx((58.99221, 103.00779), abs=1e-5)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=20))
def test_the_interval_is_wider_than_the_plain_one_and_centred(scores: list[float]) -> None:
    values = np.array(scores)
    low, high = confidence_interval(values, 1 / (len(values) - 1))
    assert low + high == pytest.approx(2 * values.mean(), abs=1e-9)
    assert high - low >= 2 * 1.96 * values.std(ddof=1) / np.sqrt(len(values)) - 1e-9


def test_a_candidate_is_one_row_with_its_folds_in_order() -> None:
    scores = concat([fold_scores(ACCURACIES), fold_scores([50.0, 60.0], architecture=UNPOOLED)]).sample(
        frac=1, random_state=0
    )
    table = summarise_folds(scores, ["F", "T"]).set_index("architecture")
    assert len(table) == 2
    row = table.loc[SMALL]
    assert row["folds"] == 5
    assert row["accuracy_pct"] == pytest.approx(94)
    assert row["accuracy_fold_std_pct"] == pytest.approx(10**0.5)
    assert row["fold_accuracy_pct"] == ACCURACIES
    assert row["accuracy_low_pct"] == pytest.approx(88.11027, abs=1e-5)
    assert table.loc[UNPOOLED, "fold_accuracy_pct"] == [50.0, 60.0]


def test_errors_over_seeds_on_one_split_are_those_of_a_mean() -> None:
    row = summarise_folds(fold_scores(ACCURACIES), ["F", "T"], same_split=True).iloc[0]
    assert row["accuracy_error_pct"] == pytest.approx((10 / 5) ** 0.5)
    assert row["validation_share"] == 0


def test_batch_sizes_and_channel_sets_stay_apart() -> None:
    parts = [fold_scores([90.0, 91.0], channels=c, batch=b) for c in ("5", "7") for b in (8, 16)]
    table = summarise_folds(concat(parts), ["F", "T"])
    assert table[["channels", "batch"]].to_numpy().tolist() == [["5", 8], ["5", 16], ["7", 8], ["7", 16]]


def test_intervals_end_at_0_and_100() -> None:
    row = summarise_folds(fold_scores([1.0, 99.0]), ["F", "T"]).iloc[0]
    assert (row["accuracy_low_pct"], row["accuracy_high_pct"]) == (0, 100)


def test_a_regions_accuracy_is_over_its_chips_not_over_folds() -> None:
    scores = fold_scores(
        [90.0, 80.0, 70.0],
        regions=[["East", "West"], ["West"], ["East", "West"]],
        region_accuracy_pct=[[100.0, 50.0], [80.0], [0.0, 75.0]],
        region_chips=[[30, 2], [10], [10, 4]],
    )
    row = summarise_folds(scores, ["F", "T"]).iloc[0]
    assert row["region_East_accuracy_pct"] == pytest.approx((30 * 100 + 10 * 0) / 40)
    assert row["region_West_accuracy_pct"] == pytest.approx((2 * 50 + 10 * 80 + 4 * 75) / 16)


def test_the_regions_weights_are_each_candidates_own() -> None:
    both = concat(
        [
            fold_scores([90.0, 90.0], region_accuracy_pct=[[100.0, 0.0]] * 2),
            fold_scores([90.0, 90.0], architecture=UNPOOLED, region_accuracy_pct=[[40.0, 60.0]] * 2),
        ]
    )
    table = summarise_folds(both, ["F", "T"]).set_index("architecture")
    assert table.loc[SMALL, "region_East_accuracy_pct"] == 100
    assert table.loc[UNPOOLED, "region_West_accuracy_pct"] == 60


def test_a_recall_is_named_by_its_class_and_skips_folds_without_it() -> None:
    scores = fold_scores([90.0, 80.0], recall_pct=[[None, 90.0], [70.0, 100.0]])
    row = summarise_folds(scores, ["dry", "wet"]).iloc[0]
    assert (row["recall_dry_pct"], row["recall_wet_pct"]) == (70, 95)
