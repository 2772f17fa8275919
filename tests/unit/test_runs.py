"""Whole runs side by side: fronts and hours by hand, and what is no comparison."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workflow_lib.analysis.comparison_tables import RUNS
from workflow_lib.analysis.run_comparison import FinishedRun, compare_runs
from workflow_lib.core.errors import UserError
from workflow_lib.pareto.front_config import Objective
from workflow_lib.report.plots.comparison_plots import runs_fronts

OBJECTIVES = [
    Objective(name="accuracy_pct", direction="max"), Objective(name="latency_mean_ms", direction="min"),
]  # fmt: skip


def run(points: list[tuple[float, float]], search_s: float | None = None) -> FinishedRun:
    accuracies, latencies = zip(*points, strict=True)
    candidates = pd.DataFrame(
        {
            "candidate": [f"5_b16_n{number}" for number in range(len(points))], "accuracy_pct": accuracies,
            "precision": "fp32",
            "latency_mean_ms": latencies, "training_s": 1800.0, "folds": 2,
        }
    )  # fmt: skip
    folds = pd.DataFrame({"chip": ["a", "b"], "fold": [0, 1], "role": ["training", "validation"]})
    return FinishedRun(candidates if search_s is None else candidates.assign(search_s=search_s), folds)


def test_runs_share_one_front_and_one_hypervolume() -> None:
    # The front of all: (90, 1) and (100, 3), one of either run; (80, 5) is behind both.
    runs = {"grid": run([(90, 1), (80, 5)]), "search": run([(100, 3)], search_s=7200)}
    compared = compare_runs(runs, OBJECTIVES)
    RUNS.check(compared, Path("runs"))
    assert compared["run"].tolist() == ["grid", "search"]
    assert compared["recall_pct"].tolist() == [50, 50]
    assert compared["training_hours"].tolist() == [2, 1]
    assert compared["search_hours"].tolist() == [0, 2]
    # Scaled to [0, 1] as losses: (0.5, 0), (1, 1) and (0, 0.5), against (1.1, 1.1).
    alone = np.array([0.6 * 1.1, 1.1 * 0.6])
    np.testing.assert_allclose(compared["hypervolume_pct"], 100 * alone / (0.66 + 0.66 - 0.36))


def test_points_that_two_runs_share_are_found_by_both() -> None:
    runs = {"grid": run([(90, 1)]), "other": run([(90, 1), (70, 2)])}
    assert compare_runs(runs, OBJECTIVES)["recall_pct"].tolist() == [100, 100]


def test_other_chips_folds_devices_or_objectives_are_refused() -> None:
    one = run([(90, 1), (95, 2)])
    other_folds = replace(one, folds=one.folds.assign(fold=[1, 0]))
    other_devices = replace(one, candidates=one.candidates.assign(latency_phone_ms=1.0))
    poorer = replace(one, candidates=one.candidates.drop(columns="latency_mean_ms"))
    for wrong, message in (
        (other_folds, "run wrong has other chips or folds than one"),
        (other_devices, "run wrong has other devices than one"),
        (poorer, "run wrong lacks the objective latency_mean_ms"),
    ):
        with pytest.raises(UserError, match=message):
            compare_runs({"one": one, "wrong": wrong}, OBJECTIVES)


def test_the_figure_has_a_panel_per_cost(recwarn: pytest.WarningsRecorder) -> None:
    runs = {"grid": run([(90, 1), (80, 5)]), "search": run([(100, 3)])}
    union = pd.concat([one.candidates.assign(run=name) for name, one in runs.items()], ignore_index=True)
    union["memory_bytes"] = 1e6
    figure = runs_fronts(union, [*OBJECTIVES, Objective(name="memory_bytes", direction="min")])
    assert len(figure.axes) == 2
    figure.draw_without_rendering()
    assert not [str(warning.message) for warning in recwarn]


def test_a_run_with_the_whole_front_has_exactly_100_percent_of_its_hypervolume() -> None:
    """The hypervolumes of the same front with and without dominated points differ by rounding."""
    for seed in range(60):
        points = [tuple(point) for point in np.random.default_rng(seed).random((12, 2)) * 100]
        compared = compare_runs({"all": run(points), "again": run(points[::-1])}, OBJECTIVES)
        RUNS.check(compared, Path("runs"))
        assert compared["hypervolume_pct"].tolist() == pytest.approx([100, 100])
