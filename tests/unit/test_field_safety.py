"""The field program refuses what is not a bundle, and never writes over what it was given."""

import copy
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from field_bundle import deploy
from scene_files import noise, write_scene

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import locked
from workflow_lib.field.bundle import Bundle, write_checksums
from workflow_lib.field.description import Description
from workflow_lib.stages.apply_model import main

WRONG: list[Any] = [None, True, -1, 0, 1.5, 10**400, "", "../x", "fp32", [], [[]], [1], {}, {"fp32": None}]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    deploy(tmp_path / "model", smaller=False)
    return tmp_path / "model"


@pytest.fixture
def scenes(tmp_path: Path) -> dict[str, Path]:
    dem = write_scene(tmp_path / "dem.tif", noise(1, 60, 60).astype(np.float32), resolution=2.0)
    aerial = write_scene(tmp_path / "aerial.tif", noise(2, 60, 60), resolution=2.0)
    return {"dem": Path(dem), "red,nir": Path(aerial)}


def apply(model: Path, scenes: dict[str, Path], probability: Path, detections: Path) -> None:
    main([
        str(model), *(f"--scene={bands}={file}" for bands, file in scenes.items()),
        f"--probability={probability}", f"--detections={detections}",
    ])  # fmt: skip


def seal(model: Path) -> None:
    """Write checksums that fit the files, as after an edit by hand."""
    files = [file for file in model.iterdir() if file.name != "SHA256SUMS"]
    write_checksums(files, model / "SHA256SUMS")


def places(values: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key and every item of a description."""
    items = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def test_every_wrong_value_of_a_description_is_one_line(model: Path) -> None:
    """Whatever key is another type, or gone: it opens as it should, or one line names the file."""
    path = model / "bundle.json"
    whole = json.loads(path.read_text())
    right = Description.parse(path.read_bytes(), path)
    refused = 0
    for place in places(whole):
        for value in [*WRONG, "delete"]:
            edited = copy.deepcopy(whole)
            parent = edited
            for key in place[:-1]:
                parent = parent[key]
            if value == "delete":
                del parent[place[-1]]
            else:
                parent[place[-1]] = value
            text = json.dumps(edited)
            try:
                if Description.parse(text.encode(), path) != right:
                    path.write_text(text)
                    seal(model)
                    Bundle.open(model)
            except UserError as error:
                refused += 1
                assert str(error).startswith(str(model)) and "\n" not in str(error), error
    assert refused > 200


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"models": {}, "models": {}}', "[" * 100_000, "\xff", "NaN"])
def test_what_is_no_description_is_one_line(model: Path, text: str) -> None:
    (model / "bundle.json").write_text(text, encoding="latin-1")
    seal(model)
    with pytest.raises(UserError, match=r"bundle\.json"):
        Bundle.open(model)


EDITS: dict[str, Callable[[list[str]], list[str]]] = {
    "empty": lambda lines: [],
    "without the model": lambda lines: [line for line in lines if "model.onnx" not in line],
    "without the program": lambda lines: [line for line in lines if "pyz" not in line],
    "a line twice": lambda lines: [*lines, lines[0]],
    "cut off": lambda lines: [*lines[:-1], lines[-1][:40]],
    "another folder": lambda lines: [*lines, f"{'0' * 64}  ../model.onnx"],
    "another file": lambda lines: [*lines, f"{'0' * 64}  more.txt"],
}


@pytest.mark.parametrize("edit", EDITS)
def test_checksums_list_exactly_the_files(model: Path, edit: str) -> None:
    sums = model / "SHA256SUMS"
    sums.write_text("\n".join(EDITS[edit](sums.read_text().splitlines())) + "\n")
    with pytest.raises(UserError, match="SHA256SUMS"):
        Bundle.open(model)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def link(target: Path, folder: Path) -> Path:
    path = folder / "symbolic.tif"
    path.symlink_to(target)
    return path


def hard(target: Path, folder: Path) -> Path:
    path = folder / "hard.tif"
    os.link(target, path)
    return path


OVER: dict[str, Callable[[Path, Path, Path], Path]] = {
    "the scene": lambda dem, model, folder: dem,
    "the scene, spelt otherwise": lambda dem, model, folder: dem.parent / "x" / ".." / dem.name,
    "a link to the scene": lambda dem, model, folder: link(dem, folder),
    "a hard link to the scene": lambda dem, model, folder: hard(dem, folder),
    "the network": lambda dem, model, folder: model / "model.onnx",
    "a link to the network": lambda dem, model, folder: link(model / "model.onnx", folder),
    "a new file in the bundle": lambda dem, model, folder: model / "map.tif",
    "a sidecar of the scene": lambda dem, model, folder: dem.with_name("dem.tif.msk"),
    "a folder": lambda dem, model, folder: model,
}


@pytest.mark.parametrize("what", OVER)
@pytest.mark.parametrize("first", [True, False])
def test_an_output_that_is_an_input_is_refused(
    what: str, first: bool, model: Path, scenes: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "x").mkdir()
    output = OVER[what](scenes["dem"], model, tmp_path)
    before = contents(tmp_path)
    other = tmp_path / "other"
    with pytest.raises(UserError):
        apply(model, scenes, *((output, other) if first else (other, output)))
    assert contents(tmp_path) == before


VRT = (
    '<VRTDataset rasterXSize="60" rasterYSize="60"><SRS>EPSG:32614</SRS>'
    "<GeoTransform>600000, 2, 0, 4500000, 0, -2</GeoTransform>"
    '<VRTRasterBand dataType="Float32" band="1"><SimpleSource><SourceFilename relativeToVRT="1">{}'
    "</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
)


def test_a_tile_behind_a_vrt_is_an_input(model: Path, scenes: dict[str, Path], tmp_path: Path) -> None:
    vrt = tmp_path / "dem.vrt"
    vrt.write_text(VRT.format("dem.tif"))
    with pytest.raises(UserError, match="is an input"):
        apply(model, scenes | {"dem": vrt}, scenes["dem"], tmp_path / "found.gpkg")


def test_a_tile_behind_two_vrts_is_an_input(model: Path, scenes: dict[str, Path], tmp_path: Path) -> None:
    for name, source in (("inner.vrt", "dem.tif"), ("outer.vrt", "inner.vrt")):
        (tmp_path / name).write_text(VRT.format(source))
    with pytest.raises(UserError, match="is an input"):
        apply(model, scenes | {"dem": tmp_path / "outer.vrt"}, scenes["dem"], tmp_path / "found.gpkg")


def test_one_file_is_not_both_outputs(model: Path, scenes: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is named as two outputs"):
        apply(model, scenes, tmp_path / "map", tmp_path / "map")


def test_two_runs_do_not_share_an_output(model: Path, scenes: dict[str, Path], tmp_path: Path) -> None:
    probability = tmp_path / "map.tif"
    with (
        locked(tmp_path / ".map.tif.lock", probability),
        pytest.raises(UserError, match=r"map\.tif: .*another"),
    ):
        apply(model, scenes, probability, tmp_path / "found.gpkg")
    apply(model, scenes, probability, tmp_path / "found.gpkg")
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "aerial.tif",
        "dem.tif",
        "found.gpkg",
        "map.classes.tif",
        "map.drift.csv",
        "map.tif",
        "model",
    ]


@pytest.mark.parametrize("name", ["notes.txt", "0_0.npy.bak", "1_1.npy/notes.txt"])
def test_a_folder_of_the_users_is_left_alone(name: str, model: Path, scenes: dict[str, Path], tmp_path: Path) -> None:
    own = tmp_path / "map.tif.partial" / name
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    with pytest.raises(UserError, match=r"map\.tif\.partial: holds files that are not this program's"):
        apply(model, scenes, tmp_path / "map.tif", tmp_path / "found.gpkg")
    assert own.read_text() == "mine"


def test_a_bundle_may_hold_what_nothing_names(model: Path) -> None:
    shutil.copy(model / "model.onnx", model / "model_copy.onnx")
    assert Bundle.open(model).name == Bundle.open(model).name
