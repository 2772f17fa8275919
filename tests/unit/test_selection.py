"""The error of decided chips: exact for independent chips, wider for chips that are wrong together."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from workflow_lib.analysis.kept_predictions import KeptPredictions
from workflow_lib.analysis.prediction_tables import SELECTION
from workflow_lib.analysis.selection import THRESHOLDS, measure_selection

CHIPS = 400
NAME = "5_b16_k3-s2-p1-pool3s2-w32"


def kept(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> KeptPredictions:
    """Predictions of two folds; a chip's most probable class has probability `sure`."""
    truth = np.arange(CHIPS) % 2
    chosen = np.where(right, truth, 1 - truth)
    probabilities = np.where(np.arange(2) == chosen[:, None], sure[:, None], 1 - sure[:, None]).astype(np.float16)
    rows = [
        {
            "channels": "5", "batch": 16, "architecture": "k3-s2-p1-pool3s2-w32", "recipe": "", "precision": "fp32",
            "fold": fold, "chips": part, "probabilities": probabilities[part].ravel(),
        }
        for fold, part in enumerate(np.array_split(np.arange(CHIPS), 2))
    ]  # fmt: skip
    return KeptPredictions(pd.DataFrame(rows), pd.DataFrame({"channels": []}), truth, 2)


def sample() -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Calibrated predictions: a chip is right with the probability that is stated."""
    generator = np.random.default_rng(1)
    sure = generator.uniform(0.55, 0.99, CHIPS)
    return sure, generator.random(CHIPS) < sure


def test_sure_chips_are_right_more_often() -> None:
    table = measure_selection(kept(*sample()), [NAME], np.arange(CHIPS))
    SELECTION.check(table, __file__)  # type: ignore[arg-type]
    assert list(table["threshold"]) == list(THRESHOLDS)
    assert table["decided_pct"].iloc[0] == 100 and table["decided_pct"].is_monotonic_decreasing
    known = table.dropna()
    assert known["error_pct"].iloc[0] > 20 > known["error_pct"].iloc[9]
    assert (known["error_high_pct"] > known["error_pct"]).all()


def test_the_bound_without_errors_is_exact() -> None:
    """0 of 400 wrong: 1 - (0.05 / 16) ** (1 / 400), by hand, for 16 thresholds."""
    table = measure_selection(kept(np.full(CHIPS, 0.9), np.ones(CHIPS, bool)), [NAME], np.arange(CHIPS))
    assert table["error_high_pct"].iloc[0] == pytest.approx(100 * (1 - (0.05 / len(THRESHOLDS)) ** (1 / CHIPS)))


def test_chips_that_are_wrong_together_give_a_wider_bound() -> None:
    sure, right = sample()
    right = np.repeat(right[::20], 20)
    alone, together = (
        measure_selection(kept(sure, right), [NAME], units)["error_high_pct"].iloc[0]
        for units in (np.arange(CHIPS), np.arange(CHIPS) // 20)
    )
    assert together > alone + 2
