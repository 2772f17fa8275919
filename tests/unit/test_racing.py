"""Racing stops those that cannot reach the front any more, and hardly ever another."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from examples import BASELINE, SMALL, UNPOOLED, fold_scores, latency, network
from scipy.stats import t

from workflow_lib.analysis.race import common_variance, lead_lower_bounds, race
from workflow_lib.analysis.racing_config import RacingConfig
from workflow_lib.pareto.front_config import Objective
from workflow_lib.search.proposal_tables import RACE

OBJECTIVES = [
    Objective(name="accuracy_pct", direction="max"),
    Objective(name="latency_mean_ms", direction="min"),
    Objective(name="memory_bytes", direction="min"),
]


def tables(accuracies: dict[str, list[float]], latencies_ms: dict[str, float]) -> dict[str, Any]:
    return {
        "scores": pd.concat(
            [fold_scores(values, architecture=name) for name, values in accuracies.items()], ignore_index=True
        ),
        "networks": pd.DataFrame([network(name) for name in accuracies]),
        "latencies": pd.DataFrame([latency("cpu", latencies_ms[name], name) for name in accuracies]),
    }


def stopped(accuracies: dict[str, list[float]], latencies_ms: dict[str, float], confidence: float = 0.95) -> list[str]:
    racing = RacingConfig(first_folds=2, confidence=confidence)
    table = race(
        **tables(accuracies, latencies_ms), objectives=OBJECTIVES, racing=racing, count=3, baselines=[BASELINE]
    )
    return table["architecture"].tolist()


def test_who_is_slower_and_clearly_less_accurate_is_stopped() -> None:
    assert stopped({SMALL: [90, 92, 91], UNPOOLED: [60, 61, 62]}, {SMALL: 5, UNPOOLED: 9}) == [UNPOOLED]


def test_who_is_better_in_one_cost_goes_on() -> None:
    assert stopped({SMALL: [90, 92, 91], UNPOOLED: [60, 61, 62]}, {SMALL: 9, UNPOOLED: 5}) == []


def test_equal_costs_are_no_excuse() -> None:
    assert stopped({SMALL: [90, 92, 91], UNPOOLED: [60, 61, 62]}, {SMALL: 5, UNPOOLED: 5}) == [UNPOOLED]


def test_who_may_catch_up_goes_on() -> None:
    assert stopped({SMALL: [90, 80, 91], UNPOOLED: [85, 88, 84]}, {SMALL: 5, UNPOOLED: 9}) == []


def test_the_baseline_neither_stops_nor_is_stopped() -> None:
    costs = {SMALL: 5.0, BASELINE: 5.0}
    assert stopped({SMALL: [90, 92, 91], BASELINE: [60, 61, 62]}, costs) == []
    assert stopped({BASELINE: [90, 92, 91], SMALL: [60, 61, 62]}, costs) == []


def test_who_lacks_a_fold_is_not_judged() -> None:
    both = tables({SMALL: [90, 92, 91], UNPOOLED: [60, 61, 62]}, {SMALL: 5, UNPOOLED: 9})
    both["scores"] = both["scores"].iloc[:-1]
    assert race(**both, objectives=OBJECTIVES, racing=RacingConfig(), count=4, baselines=[BASELINE]).empty


def test_the_table_says_why(tmp_path: Any) -> None:
    both = tables({SMALL: [90, 92, 91], UNPOOLED: [60, 61, 62]}, {SMALL: 5, UNPOOLED: 9})
    table = race(**both, objectives=OBJECTIVES, racing=RacingConfig(), count=4, baselines=[BASELINE])
    row = table.iloc[0]
    assert (row["after_folds"], row["accuracy_pct"], row["rival_accuracy_pct"]) == (3, 61, 91)
    assert row["dominated_by"] == f"5_b16_{SMALL}"
    assert 0 < row["lead_pct"] < 30
    RACE.write(table, tmp_path / "race.parquet")
    RACE.write(table.iloc[:0], tmp_path / "nobody.parquet")


def test_bounds_are_those_of_pairs_one_by_one() -> None:
    accuracy = np.random.default_rng(3).normal(80, 4, (5, 3)) * np.array([[1], [1.1], [1], [1], [0.3]])
    rivals = ~np.eye(5, dtype=bool)
    found = lead_lower_bounds(accuracy, 0.25, rivals, 0.9)
    residual = accuracy - accuracy.mean(1, keepdims=True) - accuracy.mean(0) + accuracy.mean()
    prior, freedom = common_variance((residual**2).sum(1) / 2 * 5 / 4, 2)
    freedom = min(freedom, 8)
    quantile = t.ppf(1 - 0.1 / 4, min(freedom + 2, 8))
    for candidate in range(5):
        for rival in set(range(5)) - {candidate}:
            difference = accuracy[rival] - accuracy[candidate]
            variance = (freedom * 2 * prior + 2 * difference.var(ddof=1)) / (freedom + 2)
            expected = difference.mean() - quantile * (variance * (1 / 3 + 0.25)) ** 0.5
            assert found[candidate, rival] == pytest.approx(expected)


@pytest.mark.parametrize("freedom", [4.0, 20.0, np.inf])
def test_what_variances_have_in_common_is_found(freedom: float) -> None:
    random = np.random.default_rng(7)
    true = 9 * freedom / random.chisquare(freedom, 20_000) if np.isfinite(freedom) else np.full(20_000, 9.0)
    scale, found = common_variance(true * random.chisquare(3, 20_000) / 3, 3)
    assert scale == pytest.approx(9, rel=0.05)
    assert found == pytest.approx(freedom, rel=0.2) or found > 200


@pytest.mark.parametrize(
    ("deviations", "allowed"),
    [
        (np.full(20, 3.0), 0.025),
        (np.linspace(1, 8, 20), 0.025),
        (np.r_[np.full(10, 1.0), np.full(10, 6.0)], 0.04),
        (np.r_[np.full(17, 2.0), np.full(3, 20.0)], 0.05),
    ],
    ids=["alike", "graded", "two kinds", "a few wild ones"],
)
def test_equal_candidates_are_hardly_ever_stopped(deviations: Any, allowed: float) -> None:
    """Whatever the number of rivals and however their folds scatter: over both decisions of five folds."""
    random = np.random.default_rng(7)
    rivals = ~np.eye(20, dtype=bool)
    wrong = []
    for _ in range(200):
        accuracy = 80 + random.normal(size=(20, 4)) * deviations[:, None] + random.normal(0, 5, 4)
        looks = [(lead_lower_bounds(accuracy[:, :folds], 0.25, rivals, 0.975) > 0).any(1) for folds in (3, 4)]
        wrong.append((looks[0] | looks[1]).mean())
    assert np.mean(wrong) < allowed


def test_most_of_those_that_are_far_behind_are_stopped_after_two_folds() -> None:
    random = np.random.default_rng(7)
    true = np.r_[np.full(10, 90.0), np.full(10, 60.0)]
    accuracy = true[:, None] + random.normal(0, 2, (20, 2))
    lead = lead_lower_bounds(accuracy, 0.25, ~np.eye(20, dtype=bool), 0.95)
    assert (lead > 0).any(1).tolist() == [False] * 10 + [True] * 10
