"""Files from elsewhere, damaged at random: they are read, or refused in one line; never a traceback."""

import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import yaml
from damage import damaged
from field_bundle import deploy
from hostile_pickles import forest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper
from rasterio.crs import CRS
from scene_files import noise, write_scene

from workflow_lib.config import parse_config
from workflow_lib.core.config_files import read_config_files
from workflow_lib.core.errors import UserError
from workflow_lib.core.table_files import read_any
from workflow_lib.data.data_config import RasterFolder
from workflow_lib.data.geopackage_writer import Points, write_layers
from workflow_lib.data.points import read_points
from workflow_lib.data.rasters import ChipFiles, read_chip
from workflow_lib.data.scenes import Grid, Layer
from workflow_lib.field.bundle import Bundle
from workflow_lib.latency.kernel import FUSION_RULES
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.latency.packages import check_fusion_rules, import_package

CASES = 500 if os.environ.get("EDGEFRONT_LONG") else 25
DEMO = Path(__file__).parents[2] / "config" / "scenarios" / "demo.yaml"
UTM = CRS.from_epsg(32614)
POINTS: list[dict[str, Any]] = [{"x": 600_010.0, "y": 4_500_000.0, "class": "T"}] * 3


def write_raster(path: Path) -> None:
    write_scene(path, noise(2, 40, 40), compress="deflate", tiled=True, blockxsize=16, blockysize=16)


def as_chip(path: Path) -> None:
    read_chip(ChipFiles("here", "T", path.name, (path,)), [RasterFolder(folder="a", bands=["red", "nir"])], 40, 50)


def as_scene(path: Path) -> None:
    grid = Grid.of(path, 1.0, "EPSG:32614")
    with Layer([path], 2, grid, "bilinear") as layer:
        layer.read(0, 0, 40, 40)


def write_collection(path: Path) -> None:
    feature = {"geometry": {"type": "Point", "coordinates": [-97.5, 40.5]}, "properties": {"class": "T"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature] * 3}))


def write_geopackage(path: Path) -> None:
    write_layers(path, [Points("places", {"class": str}, POINTS)], UTM)


def as_points(path: Path) -> None:
    read_points(path, UTM)


def as_config(path: Path) -> None:
    parse_config(read_config_files([path], {}))


def write_graph(path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(name, 1, [1, 4, 8, 8]) for name in "xy"]
    weight = onnx.numpy_helper.from_array(np.ones((4, 4, 3, 3), np.float32), "w")
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", values[:1], values[1:], [weight])), path)


def write_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("add.pkl", pickle.dumps(forest()))
        archive.writestr("fusion_rules.json", '{"BF_conv_bn": {"obey": true}}')
        archive.writestr("meta.yaml", "name: board\nkernel_predictors: [add]\nunit: ms\n")


def as_package(path: Path) -> None:
    import_package(path, path.with_suffix(".imported"))


def write_model(path: Path) -> None:
    folder = path.parent / "model"
    deploy(folder, smaller=False)
    shutil.copy(folder / "model.onnx", path)


def as_bundle(path: Path) -> None:
    shutil.copy(path, path.parent / "model" / "model.onnx")
    Bundle.open(path.parent / "model")


def write_values(path: Path) -> None:
    frame = pd.DataFrame({"net": ["a", "b"], "ms": [1.0, 2.0]})
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)


INPUTS: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any]]] = {
    "chip.tif": (write_raster, as_chip),
    "scene.tif": (write_raster, as_scene),
    "points.geojson": (write_collection, as_points),
    "points.gpkg": (write_geopackage, as_points),
    "points.csv": (lambda path: pd.DataFrame(POINTS).to_csv(path, index=False), as_points),
    "config.yaml": (lambda path: shutil.copy(DEMO, path), as_config),
    "config.json": (lambda path: path.write_text(json.dumps(yaml.safe_load(DEMO.read_text()))), as_config),
    "network.onnx": (write_graph, lambda path: detect_kernels(path, FUSION_RULES)),
    "package.zip": (write_zip, as_package),
    "rules.json": (lambda path: shutil.copy(FUSION_RULES, path), check_fusion_rules),
    "model.onnx": (write_model, as_bundle),
    "models.csv": (write_values, read_any),
    "models.parquet": (write_values, read_any),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    files = {}
    for name, (write, _) in INPUTS.items():
        files[name] = tmp_path_factory.mktemp("whole") / name
        write(files[name])
    return files


@pytest.mark.parametrize("name", INPUTS)
def test_a_whole_input_is_read(name: str, whole: dict[str, Path]) -> None:
    INPUTS[name][1](whole[name])


@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("name", INPUTS)
def test_a_damaged_input_is_read_or_refused_in_one_line(name: str, whole: dict[str, Path], data: st.DataObject) -> None:
    path = whole[name].with_stem("damaged")
    path.write_bytes(damaged(whole[name].read_bytes(), data))
    try:
        INPUTS[name][1](path)
    except UserError as error:
        assert "\n" not in str(error)
