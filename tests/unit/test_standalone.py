"""Standalone files: raw bands in, probabilities out, equal to what training and apply_model compute."""

import importlib
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from field_bundle import BANDS, LICENCE, SIZE, candidate, chips, deploy
from numpy.typing import NDArray
from torch import nn

from workflow_lib.core.errors import UserError
from workflow_lib.data.bands import add_indices, fill_nodata, normalise
from workflow_lib.export.onnx_files import export_deployed
from workflow_lib.export.raw_network import Preparation, PrepareBands, ToProbabilities, to_raw_network
from workflow_lib.export.symbolic_batch import with_symbolic_batch
from workflow_lib.field.bundle import Bundle, write_checksums
from workflow_lib.field.description import STANDALONE_FILES
from workflow_lib.field.standalone import write_standalone
from workflow_lib.models.modules import to_module

NORMALISATIONS = ["per_dataset", "per_chip_band", "per_column", "none"]
RAW = ["dem", "red", "green", "nir"]
WANTED = ["nir", "dem", "ndvi", "red", "ndwi"]
# One network of each space, and those whose layers reshape or join their inputs.
NETWORKS = [
    "k3-s2-p1-pool3s2-w32",
    "compact-basic-w8-n2x1-k3s2-nopool",
    "compact-inv4-w8-n2x1-k3s2-nopool",
    "published-mobilenetv2-0.35",
    "published-mobilenetv3-small",
    "published-shufflenetv2-0.5",
    "published-efficientnet-lite0",
]


def raw_chips() -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Raw values with gaps, with pixels whose indices are 0/0 (also beside each other), and with a constant band."""
    random = np.random.default_rng(3)
    pixels = random.integers(0, 255, (4, len(RAW), SIZE, SIZE)).astype(np.float32)
    pixels[:, 0] = 1200 + random.random((4, SIZE, SIZE))
    pixels[0, 1:, 3:9, 3:9] = 0
    pixels[0, 1:, 0, 0] = pixels[0, 1:, -1, 7] = 0
    pixels[1, 2] = 17
    pixels[:, 3, 20, 20] = -pixels[:, 1, 20, 20]
    valid = np.ones(pixels.shape, dtype=bool)
    valid[2, 0, 5:9], valid[2, 1, :, :4], valid[3, 3, 1:] = False, False, False
    return pixels, valid


@pytest.mark.parametrize("method", NORMALISATIONS)
def test_bands_are_prepared_as_for_training_to_the_bit(method: str) -> None:
    pixels, valid = raw_chips()
    mean, deviation = ([10.0, 1200.5, 0.1, 100.0, 0.0], [70.0, 0.3, 0.5, 60.0, 0.5])
    scaling = (mean, deviation) if method == "per_dataset" else (None, None)
    prepare = PrepareBands(Preparation(RAW, WANTED, method, *scaling))
    found = prepare(torch.from_numpy(np.where(valid, pixels, np.nan).astype(np.float32))).numpy()
    for raw, known, one in zip(pixels, valid, found, strict=True):
        chip = normalise(
            add_indices(fill_nodata(np.moveaxis(raw, 0, -1), np.moveaxis(known, 0, -1)), RAW, WANTED), method
        )
        if method == "per_dataset":
            chip = (chip - np.array(mean, np.float32)) / np.array(deviation, np.float32)
        assert np.array_equal(one, np.moveaxis(chip, -1, 0))


@pytest.mark.parametrize("architecture", NETWORKS)
def test_any_number_of_chips_gives_the_same_as_one_by_one(tmp_path: Path, architecture: str) -> None:
    torch.manual_seed(0)
    export_deployed(to_module(architecture, len(WANTED), 3), len(WANTED), SIZE, tmp_path / "one.onnx")
    one = onnx.load(tmp_path / "one.onnx")
    preparation = Preparation(RAW, WANTED, "per_chip_band")
    several = to_raw_network(with_symbolic_batch(one), preparation, ToProbabilities(1.5), {})
    single = to_raw_network(one, preparation, ToProbabilities(1.5), {})
    pixels, _ = raw_chips()
    sessions = [onnxruntime.InferenceSession(model.SerializeToString()) for model in (several, single)]
    together = sessions[0].run(None, {"bands": pixels})[0]
    alone = np.concatenate([sessions[1].run(None, {"bands": chip[None]})[0] for chip in pixels])
    assert together.shape == (4, 3)
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_the_files_of_a_bundle_give_the_probabilities_of_apply_model(tmp_path: Path, normalisation: str) -> None:
    folder = tmp_path / "model"
    deploy(folder, normalisation, smaller=False)
    model, bands = Bundle.open(folder), ["dem", "red", "nir"]
    raw = np.random.default_rng(1).random((3, len(bands), SIZE, SIZE), dtype=np.float32)
    valid = np.ones(raw.shape, dtype=bool)
    valid[1, 2, :7] = False
    expected = np.stack([model.probabilities(chip, known, bands) for chip, known in zip(raw, valid, strict=True)])
    given = np.where(valid, raw, np.nan).astype(np.float32)
    several = onnxruntime.InferenceSession(folder / "standalone.onnx").run(None, {"bands": given})[0]
    np.testing.assert_allclose(several, expected, rtol=0, atol=1e-5)
    one = onnxruntime.InferenceSession(folder / "standalone_batch1.onnx")
    np.testing.assert_allclose(one.run(None, {"bands": given[:1]})[0], expected[:1], rtol=0, atol=1e-5)


def test_a_file_tells_what_it_needs(bundle: Path) -> None:
    session = onnxruntime.InferenceSession(bundle / "standalone.onnx")
    told = {key: json.loads(text) for key, text in session.get_modelmeta().custom_metadata_map.items()}
    assert told["units"] == {"dem": "m"} and told["licence"] == LICENCE
    assert told["bands"] == ["dem", "red", "nir"] and told["classes"] == ["F", "T"]
    assert told["resolution_m"] == 2.0 and told["chip_size_px"] == SIZE
    assert told["candidate"] == candidate()["candidate"] and told["training_regions"] == {"here": len(chips().chips)}
    assert BANDS[0] in told["bands"]
    assert told["value_ranges"]["red"] == [1, 255] and told["data_types"]["red"] == "uint8"


def as_deepness_does(file: Path, tiles: NDArray[Any]) -> NDArray[np.float32]:
    """Classify (n, height, width, bands) tiles with the steps of the plugin's `ModelBase.process`."""
    session = onnxruntime.InferenceSession(file)
    values = np.float32(tiles[:, :, :, : session.get_inputs()[0].shape[-3]] * 1.0 / 255.0)
    standardized = (values - np.zeros(values.shape[-1], np.float32)) / np.ones(values.shape[-1], np.float32)
    output: NDArray[np.float32] = session.run(None, {session.get_inputs()[0].name: standardized.transpose(0, 3, 1, 2)})[
        0
    ]
    return output


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_deepness_gets_the_probabilities_of_apply_model(tmp_path: Path, normalisation: str, kind: str) -> None:
    folder = tmp_path / "model"
    deploy(folder, normalisation, smaller=False)
    model, bands = Bundle.open(folder), ["dem", "red", "nir"]
    raw = np.random.default_rng(1).integers(0, 3, (3, len(bands), SIZE, SIZE)).astype(kind)
    if kind == "float32":
        raw = raw + np.float32(0.4)
    expected = np.stack([model.probabilities(chip, np.ones(chip.shape, dtype=bool), bands) for chip in raw])
    found = as_deepness_does(folder / "deepness.onnx", raw.transpose(0, 2, 3, 1))
    assert found.shape == (3, 2, SIZE, SIZE)
    np.testing.assert_allclose(found, np.broadcast_to(expected[:, :, None, None], found.shape), rtol=0, atol=1e-5)


def test_the_plugin_itself_loads_the_file(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the source of Deepness, whose models need no QGIS."""
    source = os.environ.get("EDGEFRONT_DEEPNESS")
    if not source:
        pytest.skip("EDGEFRONT_DEEPNESS does not name the folder src of the plugin's source")
    monkeypatch.syspath_prepend(source)
    # Its packages import QGIS; the modules of models do not.
    for name in ("deepness", "deepness.common", "deepness.processing", "deepness.processing.models"):
        package = ModuleType(name)
        package.__path__ = [str(Path(source, *name.split(".")))]
        monkeypatch.setitem(sys.modules, name, package)
    parameters = importlib.import_module("deepness.common.processing_parameters.standardization_parameters")
    segmentor = importlib.import_module("deepness.processing.models.segmentor").Segmentor
    assert parameters.StandardizationParameters
    file = str(bundle / "deepness.onnx")
    assert segmentor.get_model_type_from_metadata(file) == "Segmentor"
    loaded = segmentor(file)
    assert loaded.get_model_batch_size() is None and loaded.get_input_size_in_pixels() == [SIZE, SIZE]
    assert loaded.get_number_of_channels() == 3 and loaded.get_number_of_output_channels() == [2]
    assert [loaded.get_channel_name(0, number) for number in range(2)] == ["F", "T"]
    assert loaded.get_metadata_resolution() == 200.0 and loaded.get_metadata_tile_size() == SIZE
    assert loaded.get_metadata_tiles_overlap() == 50 and loaded.outputs_are_sigmoid == [False]
    raw = np.random.default_rng(1).integers(0, 255, (2, SIZE, SIZE, 3)).astype(np.uint8)
    [found] = loaded.process(raw)
    model = Bundle.open(bundle)
    for chip, one in zip(raw, found, strict=True):
        pixels = chip.transpose(2, 0, 1).astype(np.float32)
        expected = model.probabilities(pixels, np.ones(pixels.shape, dtype=bool), ["dem", "red", "nir"])
        np.testing.assert_allclose(one[:, 7, 3], expected, rtol=0, atol=1e-5)


def test_a_bundle_of_an_earlier_version_has_no_standalone_files(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    deploy(folder, smaller=False)
    description = json.loads((folder / "bundle.json").read_text())
    del description["standalone"]
    (folder / "bundle.json").write_text(json.dumps(description))
    for name in (*STANDALONE_FILES, "SHA256SUMS"):
        (folder / name).unlink()
    write_checksums(list(folder.iterdir()), folder / "SHA256SUMS")
    assert Bundle.open(folder).description.standalone == ()
    description["standalone"] = ["../model.onnx"]
    (folder / "bundle.json").write_text(json.dumps(description))
    (folder / "SHA256SUMS").unlink()
    write_checksums(list(folder.iterdir()), folder / "SHA256SUMS")
    with pytest.raises(UserError, match="standalone"):
        Bundle.open(folder)


class OneChipOnly(nn.Module):
    """Multiplies by the number of chips that it was exported with, at a place that no batch reaches."""

    def forward(self, chips: torch.Tensor) -> torch.Tensor:
        count, channels, height, width = chips.shape
        turned = chips.permute(2, 3, 0, 1).reshape(height * width, count, channels)
        return turned.mean(0)[:, :2]


def test_a_network_that_fixes_the_number_of_chips_gets_files_for_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_deployed(OneChipOnly(), 3, SIZE, tmp_path / "model.onnx")
    deploy(tmp_path / "bundle", "none", smaller=False)
    description = json.loads((tmp_path / "bundle" / "bundle.json").read_text())
    write_standalone(tmp_path / "model.onnx", description, tmp_path)
    assert "standalone.onnx takes one chip" in capsys.readouterr().err
    session = onnxruntime.InferenceSession(tmp_path / "standalone.onnx")
    assert session.get_inputs()[0].shape[0] == 1
    assert json.loads(session.get_modelmeta().custom_metadata_map["chips"]) == 1
    several = onnxruntime.InferenceSession(tmp_path / "bundle" / "standalone.onnx")
    assert json.loads(several.get_modelmeta().custom_metadata_map["chips"]) == "any"
