"""One answer from a front: the cheapest that is about as accurate as the best."""

from typing import Any

import pandas as pd
import pytest
from examples import candidate

from workflow_lib.pareto.front_config import FrontConfig, Objective
from workflow_lib.pareto.recommend import recommend

OBJECTIVES = FrontConfig().objectives


def table(*rows: tuple[list[float], float, int]) -> pd.DataFrame:
    return pd.DataFrame([candidate(f"c{number}", *row) for number, row in enumerate(rows)])


# Mean 90, standard deviation over the four folds 4, hence a standard error of 2.
BEST = [90 + 12**0.5 * step for step in (-1.0, -1.0, 1.0, 1.0)]


def level(accuracy: float) -> list[float]:
    return [accuracy] * 4


def test_the_standard_error_of_the_best_is_two() -> None:
    assert table((BEST, 1, 20_000)).loc[0, "accuracy_fold_std_pct"] == pytest.approx(4)


@pytest.mark.parametrize(("accuracy", "pick"), [(88.1, 1), (87.9, 0)])
def test_within_a_standard_error_the_cheaper_is_picked(accuracy: float, pick: int) -> None:
    assert recommend(table((BEST, 20.0, 40_000), (level(accuracy), 5.0, 20_000)), OBJECTIVES) == pick


def test_the_spread_of_others_does_not_matter() -> None:
    wild = [87.9 + step for step in (-40, 40, -40, 12)]
    assert recommend(table((BEST, 20.0, 40_000), (wild, 5.0, 20_000)), OBJECTIVES) == 0


def test_cost_is_the_product_of_ratios() -> None:
    rows = table((level(90), 10.0, 20_000), (level(90), 5.0, 39_000), (level(90), 4.0, 51_000))
    assert recommend(rows, OBJECTIVES) == 1


def test_units_do_not_matter() -> None:
    rows = table((level(90), 10.0, 20_000), (level(90), 5.0, 39_000), (level(90), 4.0, 51_000))
    assert recommend(rows.assign(latency_mean_ms=rows["latency_mean_ms"] * 1000), OBJECTIVES) == 1


def test_who_is_dominated_is_never_picked() -> None:
    assert recommend(table((level(89), 5.0, 20_001), (level(90), 5.0, 20_000)), OBJECTIVES) == 1


def test_of_equal_costs_the_more_accurate_is_picked() -> None:
    objectives = [OBJECTIVES[0], Objective(name="f1_pct", direction="max")]
    rows = table((BEST, 5.0, 20_000), (level(89), 5.0, 20_000)).assign(f1_pct=[80.0, 80.0])
    assert recommend(rows, objectives) == 0


def test_more_can_be_better_among_the_costs() -> None:
    objectives = [OBJECTIVES[0], Objective(name="auc", direction="max")]
    rows = table((BEST, 5.0, 20_000), (level(89), 5.0, 20_000)).assign(auc=[0.8, 0.9])
    assert recommend(rows, objectives) == 1


def test_without_accuracy_only_cost_counts() -> None:
    rows = table((level(99), 10.0, 20_000), (level(50), 5.0, 30_000))
    assert recommend(rows, OBJECTIVES[1:]) == 1


def test_a_latency_of_zero_is_no_obstacle() -> None:
    assert recommend(table((level(90), 0.0, 30_000), (level(90), 1.0, 20_000)), OBJECTIVES) == 0


def test_a_single_candidate_is_the_answer() -> None:
    assert recommend(table((BEST, 1.0, 20_000)), OBJECTIVES) == 0


def test_the_position_counts_rows_whatever_their_labels() -> None:
    rows: Any = table((level(89), 5.0, 20_001), (level(90), 5.0, 20_000))
    assert recommend(rows.set_axis([7, 3]), OBJECTIVES) == 1


def test_without_a_spread_only_the_best_is_about_as_accurate_as_the_best() -> None:
    """The column may be missing a value: nothing is known of the error, so nothing is forgiven."""
    rows = table((level(90), 20.0, 40_000), (level(60), 5.0, 20_000)).assign(accuracy_fold_std_pct=float("nan"))
    assert recommend(rows, OBJECTIVES) == 0
