"""Kernel detection: equal to nn-Meter's own, and loud where nn-Meter is silent."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from cross_network import Network, export, kernels
from onnx import TensorProto, helper
from torch import nn

from workflow_lib.core.errors import UserError
from workflow_lib.export.onnx_files import export_for_detection
from workflow_lib.latency.kernel import FUSION_RULES
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.models.onnx_graph import strip_weights

pytest.importorskip("nn_meter")
pytest.importorskip("torch")

EXPECTED = Path(__file__).parents[3] / "shared" / "data" / "nn_meter" / "k8_cpu_expected.json"
NETWORK = Network(channels=7, width=32, kernel_size=5, stride=2, padding=2, pool=(3, 2))


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return export(NETWORK)


def _expected_networks() -> list[dict]:
    return json.loads(EXPECTED.read_text())["networks"] if EXPECTED.exists() else []


def _graph(nodes: list[onnx.NodeProto], input_shape: list[int | str], weights: dict[str, list[int]]) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims) for name, dims in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])


@pytest.mark.skipif(not EXPECTED.exists(), reason=f"{EXPECTED} is not on this machine")
@pytest.mark.parametrize("case", _expected_networks(), ids=lambda case: str(case["onnx_bytes_folded"]))
def test_kernels_equal_those_of_nn_meter_itself(case: dict) -> None:
    pool = (case["kernel_size_pool"], case["stride_pool"]) if case["pool"] else None
    width = case["initial_output_feature"]
    network = Network(case["channels"], width, case["kernel_size"], case["stride"], case["padding"], pool)
    found = detect_kernels(export(network), FUSION_RULES)
    expected = [(kernel["kernel"], tuple(kernel["features"])) for kernel in case["kernels"]]
    assert [(kernel.type, kernel.features) for kernel in found] == expected
    assert Counter(replace(kernel, features=()) for kernel in found) == Counter(kernels(network))


def test_weights_do_not_change_the_kernels(model: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    stripped = strip_weights(model)
    from_stripped = detect_kernels(stripped, FUSION_RULES)
    monkeypatch.setattr("workflow_lib.latency.kernels.strip_weights", _copy)
    assert detect_kernels(model, FUSION_RULES) == from_stripped
    assert stripped.ByteSize() < 50_000 < model.ByteSize()


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def test_the_model_is_not_modified(model: onnx.ModelProto) -> None:
    before = model.SerializeToString(deterministic=True)
    detect_kernels(model, FUSION_RULES)
    strip_weights(model)
    assert model.SerializeToString(deterministic=True) == before


def test_unnamed_nodes_are_all_found(model: onnx.ModelProto) -> None:
    unnamed = _copy(model)
    for node in unnamed.graph.node:
        node.name = ""
    assert detect_kernels(unnamed, FUSION_RULES) == detect_kernels(model, FUSION_RULES)


def test_a_file_gives_the_same_kernels(model: onnx.ModelProto, tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    onnx.save(strip_weights(model), path)
    assert detect_kernels(path, FUSION_RULES) == detect_kernels(model, FUSION_RULES)


def test_work_of_grouped_flat_and_depthwise_windows() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "flat"], ["a"], kernel_shape=[1, 7], pads=[0, 3, 0, 3], group=2),
        helper.make_node("Conv", ["a", "depthwise"], ["b"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=8),
        helper.make_node("Concat", ["a", "b"], ["y"], axis=1),
    ]
    graph = _graph(nodes, [1, 4, 6, 6], {"flat": [8, 2, 1, 7], "depthwise": [8, 1, 3, 3]})
    flat, depthwise, concat = detect_kernels(graph, FUSION_RULES)
    assert (flat.type, flat.multiply_adds) == ("conv", 36 * 8 * 7 * 4 / 2)
    assert flat.kernel_size == pytest.approx(7**0.5)
    assert (depthwise.type, depthwise.multiply_adds) == ("dwconv", 36 * 8 * 9)
    assert (concat.type, concat.in_channels, concat.out_channels) == ("concat", 16, 16)


def test_unknown_operators_are_named() -> None:
    nodes = [helper.make_node("Erf", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
    with pytest.raises(UserError, match="Erf"):
        detect_kernels(_graph(nodes, [1, 4, 6, 6], {}), FUSION_RULES)


def test_kernels_without_features_are_named() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Transpose", ["a"], ["b"], perm=[0, 1, 3, 2]),
        helper.make_node("Relu", ["b"], ["y"]),
    ]
    with pytest.raises(UserError, match="transpose"):
        detect_kernels(_graph(nodes, [1, 4, 6, 6], {}), FUSION_RULES)


@pytest.mark.parametrize("input_shape", [[1, 4, "height", 6], ["count"]])
def test_unknown_shapes_are_named(input_shape: list[int | str]) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
    with pytest.raises(UserError, match=r"shapes.*Relu"):
        detect_kernels(_graph(nodes, input_shape, {}), FUSION_RULES)


def test_an_operator_on_its_own_is_not_lost_in_silence() -> None:
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[1, 1])]
    with pytest.raises(UserError, match="Conv"):
        detect_kernels(_graph(nodes, [1, 4, 6, 6], {"w": [8, 4, 1, 1]}), FUSION_RULES)


@pytest.mark.parametrize("text", [None, "not json", "[]", '{"BF_conv_bn": 1}'])
def test_unreadable_fusion_rules_are_named(model: onnx.ModelProto, tmp_path: Path, text: str | None) -> None:
    rules = tmp_path / "rules.json"
    if text is not None:
        rules.write_text(text)
    with pytest.raises(UserError, match=r"rules\.json"):
        detect_kernels(model, rules)


@pytest.mark.parametrize("content", [None, b"not a graph"])
def test_unreadable_graphs_are_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "graph.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"graph\.onnx"):
        detect_kernels(path, FUSION_RULES)


def test_nothing_is_printed_or_logged_and_no_root_handler_is_added(model: onnx.ModelProto, tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    onnx.save(strip_weights(model), path)
    code = (
        "import logging, pathlib, sys; from workflow_lib.latency.kernels import detect_kernels;"
        "assert 'nn_meter' not in sys.modules;"
        "detect_kernels(*map(pathlib.Path, sys.argv[1:]));"
        "assert not logging.getLogger().handlers; assert 'torch' not in sys.modules"
    )
    command = [sys.executable, "-c", code, str(path), str(FUSION_RULES)]
    result = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_two_norms_after_a_convolution_are_one_kernel_that_predictors_know(tmp_path: Path) -> None:
    convolution = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4), nn.ReLU())
    export_for_detection(convolution, 3, 16, tmp_path / "norms.onnx")
    assert [kernel.type for kernel in detect_kernels(tmp_path / "norms.onnx", FUSION_RULES)] == ["conv-bn-relu"]
