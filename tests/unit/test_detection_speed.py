"""What makes detection fast changes nothing: remembered topologies, and files read without their weights."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from test_packages import IDS, export

from workflow_lib.latency import kernels
from workflow_lib.latency.kernel import FUSION_RULES
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.models.onnx_graph import load_without_weights, strip_weights


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    pytest.importorskip("nn_meter")
    return [export(tmp_path_factory.mktemp("network"), architecture, 5) for architecture in IDS]


def _pooled_network(channels: int) -> onnx.ModelProto:
    """Convolution, pooling, flattening: nn-Meter merges the last two before fusion."""
    weight = numpy_helper.from_array(np.zeros((channels, channels, 1, 1), np.float32), "w")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], kernel_shape=[1, 1], strides=[1, 1]),
        helper.make_node("GlobalAveragePool", ["a"], ["b"]),
        helper.make_node("Flatten", ["b"], ["y"]),
    ]
    values = {"x": [1, channels, 8, 8], "y": [1, channels]}
    inputs, outputs = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, values[name])] for name in "xy")
    graph = helper.make_graph(nodes, "pooled", inputs, outputs, [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])


def test_a_remembered_topology_gives_the_same_kernels(files: list[Path]) -> None:
    models = [strip_weights(onnx.load(path)) for path in files]
    models += [_pooled_network(channels) for channels in (4, 6)]
    alone = []
    for model in models:
        kernels.cached_detector.cache_clear()
        alone.append(detect_kernels(model, FUSION_RULES))
    assert len({str(found) for found in alone}) == len(models)
    kernels.cached_detector.cache_clear()
    for order in (models, models[::-1]):
        expected = alone if order is models else alone[::-1]
        assert [detect_kernels(model, FUSION_RULES) for model in order] == expected


def test_changed_rules_are_read_again(files: list[Path], tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text(FUSION_RULES.read_text())
    first = detect_kernels(files[0], rules)
    rules.write_text('{"MON": {"obey": 0}}')
    assert len(detect_kernels(files[0], rules)) > len(first)


def test_reading_without_weights_is_reading_and_stripping(files: list[Path]) -> None:
    for path in files:
        assert load_without_weights(path) == strip_weights(onnx.load(path))


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_file_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = bytearray(_pooled_network(4).SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(ValueError, DecodeError):
        load_without_weights(path)
