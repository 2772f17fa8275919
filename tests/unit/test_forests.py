"""Forests as arrays predict what scikit-learn predicts, to the last bit, and refuse what is no forest."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestRegressor

from workflow_lib.core.errors import UserError
from workflow_lib.latency import forests
from workflow_lib.latency.forest_pickles import read_forest_pickle
from workflow_lib.latency.forests import Forest, check_forest, read_forests, write_forests


def train(folder: Path, **options: int) -> tuple[RandomForestRegressor, Forest]:
    generator = np.random.default_rng(0)
    rows = generator.uniform(0, 100, (300, 4))
    settings = {"n_estimators": 40, "random_state": 0, "n_jobs": 1} | options
    model = RandomForestRegressor(**settings).fit(rows, np.exp(rows.mean(axis=1) / 20))
    path = folder / "forest.pkl"
    path.write_bytes(pickle.dumps(model))
    return model, read_forest_pickle(path).forest


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[RandomForestRegressor, Forest]:
    return train(tmp_path_factory.mktemp("forest"))


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 300))
@settings(max_examples=30, deadline=None)
def test_equal_to_scikit_learn(pair: tuple[RandomForestRegressor, Forest], seed: int, count: int) -> None:
    model, forest = pair
    rows = np.random.default_rng(seed).uniform(-10, 110, (count, 4))
    np.testing.assert_array_equal(forest.predict(rows), model.predict(rows))


def test_equal_at_the_thresholds_themselves(pair: tuple[RandomForestRegressor, Forest]) -> None:
    """There float32 rounding and "at most" decide."""
    model, forest = pair
    thresholds = np.unique(forest.threshold)
    for values in (thresholds, np.nextafter(thresholds, np.inf), np.nextafter(thresholds, -np.inf)):
        rows = np.repeat(values[:, np.newaxis], 4, axis=1)
        np.testing.assert_array_equal(forest.predict(rows), model.predict(rows))


@pytest.mark.parametrize("options", [{"n_estimators": 1}, {"max_depth": 1}, {"max_leaf_nodes": 7}, {"max_depth": 30}])
def test_equal_whatever_the_shape_of_the_trees(tmp_path: Path, options: dict[str, int]) -> None:
    model, forest = train(tmp_path, **options)
    rows = np.random.default_rng(1).uniform(0, 100, (100, 4))
    np.testing.assert_array_equal(forest.predict(rows), model.predict(rows))


def test_trees_of_a_single_leaf(tmp_path: Path) -> None:
    model = RandomForestRegressor(5, random_state=0).fit(np.ones((3, 2)), np.full(3, 7.0))
    path = tmp_path / "forest.pkl"
    path.write_bytes(pickle.dumps(model))
    assert read_forest_pickle(path).forest.predict(np.zeros((2, 2))).tolist() == [7.0, 7.0]


def test_a_row_is_predicted_alike_in_any_company(
    pair: tuple[RandomForestRegressor, Forest], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, forest = pair
    rows = np.random.default_rng(2).uniform(0, 100, (50, 4))
    together = forest.predict(np.concatenate([rows, rows[::-1]]))
    monkeypatch.setattr(forests, "_MAX_PATHS", 100)  # two rows at a time
    np.testing.assert_array_equal(together[:50], forest.predict(rows))
    np.testing.assert_array_equal(together[:50], together[50:][::-1])
    np.testing.assert_array_equal(together[:50], [forest.predict(row[np.newaxis])[0] for row in rows])


def test_no_rows(pair: tuple[RandomForestRegressor, Forest]) -> None:
    assert pair[1].predict(np.empty((0, 4))).shape == (0,)


@pytest.mark.parametrize("rows", [np.ones(4), np.ones((1, 3)), np.full((1, 4), np.nan), np.full((1, 4), 1e39)])
def test_rows_that_are_none(pair: tuple[RandomForestRegressor, Forest], rows: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"rows of shape|not a finite float32"):
        pair[1].predict(rows)


def test_what_is_written_is_read(tmp_path: Path, pair: tuple[RandomForestRegressor, Forest]) -> None:
    path, rows = tmp_path / "forests.npz", np.random.default_rng(3).uniform(0, 100, (20, 4))
    write_forests({"conv-bn-relu": pair[1], "add": pair[1]}, path)
    read = read_forests(path)
    assert sorted(read) == ["add", "conv-bn-relu"]
    np.testing.assert_array_equal(read["add"].predict(rows), pair[1].predict(rows))


def _changed(array: np.ndarray, index: object, value: float) -> np.ndarray:
    copy = array.copy()
    copy[index] = value
    return copy


def test_arrays_that_are_no_forest_are_refused(tmp_path: Path, pair: tuple[RandomForestRegressor, Forest]) -> None:
    forest = pair[1]
    assert check_forest(forest) == ""
    broken = {
        "a circle": replace(forest, children=_changed(forest.children, (1, 0), 0)),
        "into the next tree": replace(forest, children=_changed(forest.children, (0, 0), forest.roots[1])),
        "outside": replace(forest, children=_changed(forest.children, (0, 1), 2**30)),
        "feature": replace(forest, feature=_changed(forest.feature, 0, 4)),
        "threshold": replace(forest, threshold=_changed(forest.threshold, 0, np.nan)),
        "value": replace(forest, value=_changed(forest.value, 0, np.inf)),
        "lengths": replace(forest, value=forest.value[1:]),
        "roots": replace(forest, roots=forest.roots[::-1].copy()),
        "no roots": replace(forest, roots=forest.roots[:0]),
        "features": replace(forest, features=0),
        "type": replace(forest, value=forest.value.astype(np.float32)),
    }
    for name, case in broken.items():
        path = tmp_path / "forests.npz"
        write_forests({"add": case}, path)
        with pytest.raises(UserError, match="not a file of forests"):
            read_forests(path)
            pytest.fail(name)


def test_files_that_are_none(tmp_path: Path, pair: tuple[RandomForestRegressor, Forest]) -> None:
    path = tmp_path / "forests.npz"
    write_forests({"add": pair[1]}, path)
    whole = path.read_bytes()
    np.savez(tmp_path / "objects.npz", **{"add/roots": np.array([{}], dtype=object)})
    for content in (b"", b"text", whole[: len(whole) // 2], (tmp_path / "objects.npz").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(UserError, match="import the predictor package again"):
            read_forests(path)
