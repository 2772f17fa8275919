"""Every damage to a stored file is noticed, and damaged files of a run are set aside."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from damage import damaged
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workflow_lib.core import sealed
from workflow_lib.core.sealed import DamagedFileError
from workflow_lib.data.chip_tables import FOLDS
from workflow_lib.models.onnx_graph import check_graph, seal_graph
from workflow_lib.training.checkpoint import load_tensors, save_tensors

CASES = 500 if os.environ.get("EDGEFRONT_LONG") else 40
ARRAY = np.arange(60, dtype=np.float32).reshape(3, 20)


def write_graph(path: Path) -> None:
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    value = [onnx.helper.make_tensor_value_info(name, 1, [1, 4]) for name in "xy"]
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([node], "graph", value[:1], value[1:])), path)
    seal_graph(path)


def write_folds(path: Path) -> None:
    import pandas as pd

    FOLDS.write(pd.DataFrame({"chip": [0, 1], "fold": [0, 0], "role": ["training", "validation"]}), path)


KINDS: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any]]] = {
    "array": (lambda path: sealed.save_array(path, ARRAY), sealed.load_array),
    "mapped array": (lambda path: sealed.save_array(path, ARRAY), sealed.map_array),
    "tensors": (lambda path: save_tensors({"weight": torch.ones(3, 4)}, path), load_tensors),
    "json": (lambda path: sealed.write_json(path, {"device": "board", "terms": [0.25, 3]}), sealed.read_json),
    "graph": (write_graph, check_graph),
    "table": (write_folds, FOLDS.read),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sealed")
    files = {}
    for kind, (write, _) in KINDS.items():
        files[kind] = folder / (f"{kind}.parquet" if kind == "table" else f"{kind}.file")
        write(files[kind])
    return files


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_is_read(kind: str, whole: dict[str, Path]) -> None:
    KINDS[kind][1](whole[kind])


@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("kind", KINDS)
def test_damage_of_any_kind_is_noticed(kind: str, whole: dict[str, Path], data: st.DataObject) -> None:
    content = whole[kind].read_bytes()
    path = whole[kind].with_name(f"damaged {whole[kind].name}")
    path.write_bytes(damaged(content, data))
    if path.read_bytes() == content:
        return
    try:
        found = KINDS[kind][1](path)
    except DamagedFileError as error:
        assert "\n" not in str(error)
    else:  # layout of JSON, say; a graph or a table without its entry is a user's own
        assert kind in ("json", "graph", "table"), kind
        assert kind == "graph" or str(found) == str(KINDS[kind][1](whole[kind]))


def test_a_json_file_that_reads_differently_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    sealed.write_json(path, {"value": 1.5})
    assert sealed.read_json(path) == {"value": 1.5}
    path.write_text(path.read_text().replace("1.5", "1.25"))
    with pytest.raises(DamagedFileError, match="checksum"):
        sealed.read_json(path)
    path.write_text(json.dumps({"value": 1.5}))
    with pytest.raises(DamagedFileError, match="checksum"):
        sealed.read_json(path)


def test_an_array_of_a_megabyte_is_mapped_and_read_only(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((300, 1000)).astype(np.float32)
    sealed.save_array(tmp_path / "a.npy", values)
    mapped = sealed.map_array(tmp_path / "a.npy")
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, values)
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 1


def test_damaged_files_of_the_run_are_set_aside_and_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results" / "run"
    (results / "stage").mkdir(parents=True)
    own, foreign = results / "stage" / "a.npy", tmp_path / "b.npy"
    for path in (own, foreign):
        path.write_bytes(b"x")
    monkeypatch.setenv(sealed.RESULTS_VARIABLE, str(results))
    assert "it was renamed to a.npy.damaged; run the same command again" in sealed.set_aside(
        DamagedFileError(own, "why")
    )
    assert not own.exists() and (results / "stage" / "a.npy.damaged").read_bytes() == b"x"
    assert "copy this file again, or recreate it" in sealed.set_aside(DamagedFileError(foreign, "why"))
    assert foreign.exists()


def test_of_a_folder_that_a_rule_makes_the_whole_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "import_package" / "board"
    package.mkdir(parents=True)
    (package / ".snakemake_timestamp").touch()
    (package / "forests.npz").write_bytes(b"x")
    monkeypatch.setenv(sealed.RESULTS_VARIABLE, str(tmp_path))
    for _ in range(2):  # another job may have found it first, and an older one may lie there
        package.mkdir(exist_ok=True)
        (package / ".snakemake_timestamp").touch()
        sealed.set_aside(DamagedFileError(package / "forests.npz", "why"))
        assert not package.exists()
        assert package.with_name("board.damaged").is_dir()
