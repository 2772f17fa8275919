"""Places found against true ones."""

import numpy as np
import pandas as pd
import pytest

from workflow_lib.field.detection_scores import match, score_map


def places(*xs: float, label: str = "T") -> pd.DataFrame:
    return pd.DataFrame({"x": list(xs), "y": 0.0, "class": label})


def test_each_true_place_is_taken_once_by_the_most_probable() -> None:
    hits, taken = match(places(10, 12, 50), places(11, 60), tolerance_m=5)
    assert hits.tolist() == [True, False, False]
    assert taken.tolist() == [True, False]


def test_the_nearest_is_taken() -> None:
    hits, taken = match(places(10, 4), places(5, 9), tolerance_m=6)
    assert hits.all() and taken.all()


def test_classes_are_kept_apart() -> None:
    assert not match(places(10), places(10, label="F"), 5)[0].any()


def test_nothing_found_and_nothing_true() -> None:
    assert match(places(), places(3), 5)[1].tolist() == [False]
    assert match(places(3), places(), 5)[0].tolist() == [False]


def test_precision_and_recall_by_hand() -> None:
    area = pd.DataFrame({
        "probability": [0.9, 0.8, 0.6, np.nan, np.nan, np.nan],
        "outcome": ["hit", "false alarm", "hit", "missed", "missed", "uncovered"],
    })  # fmt: skip
    scores = score_map(area, 0.5)
    first = scores.iloc[0]
    assert (first["found"], first["hits"], first["true_places"], first["uncovered"]) == (3, 2, 4, 1)
    assert first["precision_pct"] == pytest.approx(200 / 3)
    assert first["recall_pct"] == pytest.approx(50)
    assert first["f1_pct"] == pytest.approx(400 / 7)
    # Wilson's interval of 2 in 4, by hand: (0.5 + z^2/8 -+ z sqrt(1/16 + z^2/64)) / (1 + z^2/4)
    z = 1.959964
    half = z * np.sqrt(0.25 / 4 + z * z / 64) / (1 + z * z / 4)
    assert first["recall_low_pct"] == pytest.approx(100 * (0.5 - half), abs=1e-3)
    assert scores["threshold"].is_monotonic_increasing and scores["hits"].is_monotonic_decreasing
    high = scores[scores["threshold"] > 0.8].iloc[0]
    assert (high["found"], high["hits"], high["precision_pct"]) == (1, 1, 100)
    assert pd.isna(scores.iloc[-1]["precision_pct"])
