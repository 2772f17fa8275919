"""Forests come out of pickles as scikit-learn has them, without scikit-learn; nothing else comes out of a pickle."""

import json
import pickle
import pickletools
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_pickles import changed_forest, forest, hostile
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_lib.core.errors import UserError
from workflow_lib.latency.forest_pickles import read_forest_pickle
from workflow_lib.latency.forests import check_forest

ROWS = np.random.default_rng(1).random((200, 3))
HOSTILE = hostile(Path("/nowhere"))

COMPARE = """
import json, sys
import numpy as np
from pathlib import Path
for module in ("sklearn", "joblib", "scipy"):
    sys.modules[module] = None  # importing it fails
from workflow_lib.latency.forest_pickles import read_forest_pickle
folder = Path(sys.argv[1])
worst = 0.0
kernels = json.loads((folder / "expected.json").read_text())["kernels"]
for kernel, rows in kernels.items():
    found = read_forest_pickle(folder / f"{kernel}.pkl").forest.predict(np.array(rows["features"]))
    worst = max(worst, float(np.max(np.abs(found / np.array(rows["latency_ms"]) - 1))))
print(json.dumps([len(kernels), worst]))
"""


@pytest.fixture
def folder(shared: Path) -> Path:
    return shared / "data" / "nn_meter"


def test_forests_of_scikit_learn_0_23_predict_what_it_predicted(folder: Path) -> None:
    expected = json.loads((folder / "sklearn_0_23_1" / "expected.json").read_text())
    for kernel, rows in expected["kernels"].items():
        pickled = read_forest_pickle(folder / "sklearn_0_23_1" / f"{kernel}.pkl")
        assert pickled.sklearn_version == "0.23.1"
        np.testing.assert_allclose(
            pickled.forest.predict(np.array(rows["features"])), rows["latency_ms"], rtol=1e-9, atol=0
        )


def test_they_do_so_without_scikit_learn(folder: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", COMPARE, str(folder / "sklearn_0_23_1")],
        capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True,
    )  # fmt: skip
    count, worst = json.loads(ran.stdout)
    assert (count, worst <= 1e-9) == (8, True)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_forests_of_scikit_learn_1_6_predict_what_the_current_one_reads_from_them(folder: Path) -> None:
    for path in sorted((folder / "k8_cpu").glob("*.pkl")):
        theirs, ours = pickle.loads(path.read_bytes()), read_forest_pickle(path).forest
        rows = np.random.default_rng(0).uniform(0, 300, (100, theirs.n_features_in_))
        np.testing.assert_array_equal(ours.predict(rows), theirs.predict(rows))


@pytest.mark.filterwarnings("ignore:Some inputs do not have OOB scores")
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("random_state", [0, None, np.random.RandomState(0)], ids=["int", "none", "generator"])
def test_every_protocol_of_the_current_scikit_learn(tmp_path: Path, protocol: int, random_state: Any) -> None:
    rows = ROWS[:60]
    model = forest(oob_score=True, n_jobs=1).set_params(random_state=random_state, n_estimators=30)
    model.fit(rows, np.exp(rows.sum(axis=1)))
    path = tmp_path / "forest.pkl"
    path.write_bytes(pickle.dumps(model, protocol))
    np.testing.assert_array_equal(read_forest_pickle(path).forest.predict(ROWS), model.predict(ROWS))


@pytest.mark.parametrize("number", range(len(HOSTILE)), ids=list(HOSTILE))
def test_a_hostile_pickle_is_refused_by_name_and_runs_nothing(tmp_path: Path, number: int) -> None:
    marker, path = tmp_path / "was_run", tmp_path / "forest.pkl"
    content, expected = list(hostile(marker).values())[number]
    path.write_bytes(content)
    started = time.perf_counter()
    with pytest.raises(UserError) as caught:
        read_forest_pickle(path)
    message = str(caught.value)
    assert expected in message
    assert message.startswith(f"{path}: refused")
    assert "\n" not in message
    assert len(message) < 400 + len(str(path))
    assert not marker.exists()
    assert time.perf_counter() - started < 30


@pytest.mark.parametrize("name", ["10 GB of bytes", "10 GB of text", "a 10 GB frame", "a billion laughs"])
def test_a_claimed_length_takes_no_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / "forest.pkl"
    path.write_bytes(HOSTILE[name][0])
    tracemalloc.start()
    with pytest.raises(UserError):
        read_forest_pickle(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_deep_nesting_beside_the_trees_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "forest.pkl"
    deep = b")" + b"\x85" * 200_000
    path.write_bytes(_without_frames(changed_forest(verbose="here")).replace(b"\x8c\x04here", deep))
    assert read_forest_pickle(path).forest.features == 3


def _without_frames(content: bytes) -> bytes:
    frames = [position for operation, _, position in pickletools.genops(content) if operation.name == "FRAME"]
    for position in reversed(frames):
        content = content[:position] + content[position + 9 :]
    return content


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_forest_is_refused_or_still_a_forest(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    content = bytearray(GENUINE)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.pkl"
    path.write_bytes(content)
    try:
        found = read_forest_pickle(path).forest
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert check_forest(found) == ""
        assert np.isfinite(found.predict(np.zeros((1, found.features)))).all()


GENUINE = pickle.dumps(forest(trees=1))
