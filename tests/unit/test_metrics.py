"""Scores, with scikit-learn as the oracle."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from examples import fold_scores
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, recall_score, roc_auc_score

from workflow_lib.core.schema import Table
from workflow_lib.training.metrics import macro_auc, macro_f1, recall_per_class, score
from workflow_lib.training.score_tables import SCORES

Ints = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]

CLASSES = 3
COUNT = 20
LABELS = arrays(np.int64, COUNT, elements=st.integers(0, CLASSES - 1))
# Few different values, so that ties are frequent.
PROBABILITIES = arrays(np.float32, (COUNT, CLASSES), elements=st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0]))


@given(LABELS, LABELS)
def test_recall_is_scikit_learns_and_nan_without_chips(truth: Ints, predicted: Ints) -> None:
    expected = recall_score(truth, predicted, labels=range(CLASSES), average=None, zero_division=np.nan)
    np.testing.assert_allclose(recall_per_class(truth, predicted, CLASSES), expected)


@given(LABELS, LABELS)
def test_f1_is_scikit_learns_over_the_classes_that_occur(truth: Ints, predicted: Ints) -> None:
    assert macro_f1(truth, predicted, CLASSES) == pytest.approx(f1_score(truth, predicted, average="macro"))


@given(LABELS, PROBABILITIES)
def test_auc_is_the_mean_of_scikit_learns_over_the_classes_that_occur(truth: Ints, probabilities: Floats) -> None:
    occurring = np.unique(truth)
    found = macro_auc(truth, probabilities)
    if len(occurring) < 2:
        assert found is None
    else:
        expected = np.mean([roc_auc_score(truth == label, probabilities[:, label]) for label in occurring])
        assert found == pytest.approx(expected)


def test_auc_of_many_classes_is_scikit_learns_one_against_the_rest() -> None:
    generator = np.random.default_rng(0)
    truth, probabilities = generator.integers(0, 4, 200), generator.dirichlet(np.ones(4), 200)
    expected = roc_auc_score(truth, probabilities, multi_class="ovr")
    assert macro_auc(truth, probabilities) == pytest.approx(expected)


@given(arrays(np.int64, COUNT, elements=st.integers(0, 1)), arrays(np.float64, COUNT, elements=st.sampled_from([0, 0.25, 0.5, 1.0])))  # fmt: skip  # noqa: E501
def test_auc_of_two_classes_is_scikit_learns(truth: Ints, second: Floats) -> None:
    if len(np.unique(truth)) == 2:
        found = macro_auc(truth, np.stack([1 - second, second], axis=1))
        assert found == pytest.approx(roc_auc_score(truth, second))


@pytest.mark.parametrize(("second", "expected"), [([0.1, 0.9], 1.0), ([0.9, 0.1], 0.0), ([0.5, 0.5], 0.5)])
def test_auc_at_its_ends_and_for_ties(second: list[float], expected: float) -> None:
    probabilities = np.array([[1 - share, share] for share in second])
    assert macro_auc(np.array([0, 1]), probabilities) == expected


@given(LABELS, PROBABILITIES, arrays(np.int64, COUNT, elements=st.integers(0, 2)))
def test_every_score_by_scikit_learn(truth: Ints, probabilities: Floats, places: Ints) -> None:
    regions = np.array(["West", "East", "North"])[places]
    scores = score(truth, probabilities, regions)
    predicted = probabilities.argmax(1)
    assert scores["accuracy_pct"] == pytest.approx(100 * accuracy_score(truth, predicted))
    assert scores["f1_pct"] == pytest.approx(100 * f1_score(truth, predicted, average="macro"))
    assert scores["regions"] == sorted(set(regions.tolist()))
    assert sum(scores["region_chips"]) == COUNT
    for name, accuracy, chips in zip(
        scores["regions"], scores["region_accuracy_pct"], scores["region_chips"], strict=True
    ):
        inside = regions == name
        assert chips == inside.sum()
        assert accuracy == pytest.approx(100 * accuracy_score(truth[inside], predicted[inside]))


def test_a_class_without_chips_has_no_recall() -> None:
    probabilities = np.array([[0.2, 0.8, 0], [0.6, 0.4, 0], [0.7, 0.2, 0.1]])
    assert score(np.array([1, 0, 1]), probabilities, np.array(["A"] * 3))["recall_pct"] == [100.0, 50.0, None]


def test_scores_fit_their_declared_columns(tmp_path: Any) -> None:
    scores = score(np.array([0, 1]), np.eye(2, dtype=np.float32), np.array(["A", "B"]))
    assert set(scores) == {column.name for column in SCORES}
    Table("scores", SCORES).write(pd.DataFrame([scores]), tmp_path / "scores.parquet")
    assert set(scores) <= set(fold_scores([90]).columns)
