"""The same network in smaller numbers: fewer bytes, nearly the same answers, calibrated on training chips alone."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch
from field_bundle import CHANNELS, candidate, chips

from workflow_lib.core.candidate import Candidate
from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.core.errors import UserError
from workflow_lib.data.dataset import ChipView
from workflow_lib.export.network import convert_network, export_network
from workflow_lib.export.precision_files import calibration_chips, write_precisions
from workflow_lib.field.converted_network import accuracy_pct, score_converted
from workflow_lib.field.field_config import PrecisionsConfig
from workflow_lib.field.field_tables import PRECISIONS
from workflow_lib.field.precision_losses import measure_precisions
from workflow_lib.models.modules import to_module
from workflow_lib.training.checkpoint import save_tensors

ARCHITECTURE = "k3-s2-p1-pool3s2-w32"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.manual_seed(0)
    dataset = chips()
    view = dataset.view(CHANNELS, np.arange(12))
    calibration = calibration_chips(view, np.arange(12), 8, 1)
    folder = tmp_path_factory.mktemp("precisions")
    return write_precisions(to_module(ARCHITECTURE, 3, 2).eval(), calibration, ["fp32", "fp16", "int8"], folder)


def run(file: Path, inputs: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(file))
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: chip[None]})[0] for chip in inputs])


def test_files_are_a_half_and_a_quarter_and_answer_alike(files: dict[str, Path]) -> None:
    sizes = {name: file.stat().st_size for name, file in files.items()}
    assert sizes["fp16"] / sizes["fp32"] == pytest.approx(0.5, abs=0.01)
    assert sizes["int8"] / sizes["fp32"] == pytest.approx(0.25, abs=0.02)
    inputs = calibration_chips(chips().view(CHANNELS, np.arange(12)), np.arange(12), 12, 2)
    outputs = {name: run(file, inputs) for name, file in files.items()}
    spread = outputs["fp32"].std()
    assert np.abs(outputs["fp16"] - outputs["fp32"]).max() < 0.05 * spread + 1e-3
    assert np.abs(outputs["int8"] - outputs["fp32"]).max() < spread + 0.05
    assert not np.array_equal(outputs["int8"], outputs["fp32"])


def test_all_weights_of_int8_are_integers(files: dict[str, Path]) -> None:
    graph = onnx.load(files["int8"]).graph
    large = [tensor for tensor in graph.initializer if np.prod(tensor.dims) > 1000]
    assert large and all(tensor.data_type == onnx.TensorProto.INT8 for tensor in large)
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_calibration_takes_training_chips_alone() -> None:
    pixels = np.arange(10, dtype=np.float32)[:, None, None, None] * np.ones((10, 4, 4, 2), np.float32)
    drawn = calibration_chips(ChipView(pixels, [0, 1]), np.array([1, 4, 7]), 64, 3)
    assert sorted(drawn[:, 0, 0, 0]) == [1, 4, 7]
    assert drawn.shape == (3, 2, 4, 4)


def test_a_converted_network_is_scored_with_its_own_file(tmp_path: Path) -> None:
    dataset, training, validation = chips(), np.arange(8), np.arange(8, 12)
    torch.manual_seed(1)
    network = to_module(ARCHITECTURE, 3, 2)
    scores = score_converted(
        dataset, CHANNELS, network, "int8", training, validation, ConversionConfig(calibration_chips=4), 5
    )
    view = dataset.view(CHANNELS, training)
    chosen = calibration_chips(view, training, 4, 5)
    file = write_precisions(network, chosen, ["fp32", "int8"], tmp_path)["int8"]
    assert scores["accuracy_pct"] == accuracy_pct(file, view, validation, dataset.labels)
    logits = run(file, np.ascontiguousarray(np.moveaxis(view.batch(validation), -1, 1)))
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert scores["probabilities"].reshape(4, 2) == pytest.approx(expected, abs=1e-3)
    assert scores["chips"].tolist() == validation.tolist()


def test_costs_in_another_precision_are_those_of_its_file(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("deployed.onnx", "paper.onnx", "detection.onnx")]
    plain = export_network(ARCHITECTURE, 5, 2, 48, *files)
    costs = convert_network(ARCHITECTURE, 5, 2, 48, "int8", tmp_path / "int8.onnx", *files[1:])
    assert costs["memory_bytes"] == (tmp_path / "int8.onnx").stat().st_size < 0.3 * plain["memory_bytes"]
    assert costs["weights_bytes"] * 4 == plain["weights_bytes"]
    same = ("paper_memory_bytes", "parameters", "multiply_adds")
    assert [costs[name] for name in same] == [plain[name] for name in same]
    outputs = run(tmp_path / "int8.onnx", np.random.default_rng(0).random((2, 5, 48, 48), dtype=np.float32))
    assert np.isfinite(outputs).all() and not np.array_equal(*outputs)


def test_names_of_candidates_keep_their_precision() -> None:
    for each in (
        Candidate("a_b8", 8, "k3", "x", "int8"),
        Candidate("a_int8", 8, "k3"),
        Candidate("a", 2, "k", "", "fp16"),
    ):
        assert Candidate.parse(str(each)) == each
        assert each.as_trained.folder == each.folder


def test_the_front_is_measured_in_all_precisions(tmp_path: Path) -> None:
    dataset = chips()
    roles = [(chip, fold, "validation" if chip % 2 == 0 == fold or chip // 6 == fold else "training")
             for fold in range(2) for chip in range(12)]  # fmt: skip
    folds = pd.DataFrame(roles, columns=["chip", "fold", "role"])
    for fold in range(2):
        torch.manual_seed(fold)
        save_tensors(to_module(ARCHITECTURE, 3, 2).state_dict(), tmp_path / "3" / "4" / ARCHITECTURE / f"{fold}.pt")
    front = pd.DataFrame([candidate() | {"folds": 2, "validation_share": 1.0}])
    pattern = str(tmp_path / "{candidate}/{fold}.pt")
    settings = PrecisionsConfig(calibration_chips=4, max_loss_pct=0)
    table = measure_precisions(dataset, front, folds, {"3": CHANNELS}, pattern, settings, 1)
    PRECISIONS.write(table, tmp_path / "table.parquet")
    assert table["precision"].tolist() == ["fp32", "fp16", "int8"]
    assert (table["latency_ms"] > 0).all()
    assert table["memory_bytes"].is_monotonic_decreasing
    whole = table[table["precision"] == "fp32"].iloc[0]
    assert whole["loss_pct"] == 0 and not whole["lossy"]
    for row in table.to_dict("records"):
        assert row["loss_pct"] == pytest.approx(whole["accuracy_pct"] - row["accuracy_pct"])
        assert row["lossy"] == (row["loss_pct"] > 0)


def test_accuracy_counts_right_answers(files: dict[str, Path]) -> None:
    dataset = chips()
    view = dataset.view(CHANNELS, np.arange(12))
    answers = run(files["fp32"], calibration_chips(view, np.arange(12), 12, 0)).argmax(1)
    assert accuracy_pct(files["fp32"], view, np.arange(12), answers) == 100
    assert accuracy_pct(files["fp32"], view, np.arange(12), 1 - answers) == 0


def test_missing_or_wrong_weights_are_named(tmp_path: Path) -> None:
    front = pd.DataFrame([candidate() | {"folds": 2, "validation_share": 1.0}])
    folds = pd.DataFrame({"chip": range(12), "fold": 0, "role": ["training", "validation"] * 6})
    for content, fragment in ((None, r"gone\.pt: no such file"), (b"text", r"gone\.pt: damaged: it has no checksum")):
        if content:
            (tmp_path / "gone.pt").write_bytes(content)
        with pytest.raises(UserError, match=fragment):
            measure_precisions(chips(), front, folds, {"3": CHANNELS}, str(tmp_path / "gone.pt"), PrecisionsConfig(), 1)
