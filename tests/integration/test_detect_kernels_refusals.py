"""Files that are no network, and networks that nn-Meter does not know."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from stage_runs import assert_refused, files_under, run_stage

from workflow_lib.core.errors import UserError
from workflow_lib.latency.latency_tables import KERNELS
from workflow_lib.stages.detect_kernels import main

pytest.importorskip("nn_meter")


def _arguments(network: Path) -> list[str]:
    return [f"--network={network}", f"--output={network.parent / 'out' / 'kernels.parquet'}"]


def _network(path: Path, *operators: str, domain: str = "") -> Path:
    """A convolution, then operators that keep its shape."""
    names = ["x", *(f"v{number}" for number in range(len(operators))), "y"]
    convolution = helper.make_node("Conv", [names[0], "w"], [names[1]], kernel_shape=[3, 3], pads=[1] * 4)
    others = [
        helper.make_node(operator, [names[number]], [names[number + 1]], domain=domain)
        for number, operator in enumerate(operators, start=1)
    ]
    graph = helper.make_graph(
        [convolution, *others], "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 40, 40])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8, 40, 40])],
        [TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[8, 3, 3, 3])],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 13)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    onnx.save(helper.make_model(graph, opset_imports=opsets), str(path))
    return path


def test_a_small_network_has_a_kernel(tmp_path: Path) -> None:
    result = run_stage("detect_kernels", *_arguments(_network(tmp_path / "net.onnx", "Relu")), cwd=tmp_path)
    assert (result.code, result.lines) == (0, [])
    assert KERNELS.read(tmp_path / "out" / "kernels.parquet")["type"].tolist() == ["conv-relu"]


NO_NETWORKS = {
    "empty": b"",
    "garbage": b"\xff" * 100,
    "text": b"this is no network",
    "an empty message": b"\x08\x07",
    "a pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07builtin.",
}


@pytest.mark.parametrize("content", NO_NETWORKS.values(), ids=NO_NETWORKS)
def test_a_file_that_is_no_network(content: bytes, tmp_path: Path) -> None:
    network = tmp_path / "net.onnx"
    network.write_bytes(content)
    with pytest.raises(UserError, match=r"net\.onnx: not a readable ONNX file"):
        main(_arguments(network))
    assert not (tmp_path / "out").exists() or files_under(tmp_path / "out") == []


def test_a_truncated_network(tmp_path: Path) -> None:
    network = _network(tmp_path / "net.onnx", "Relu")
    network.write_bytes(network.read_bytes()[:-20])
    result = run_stage("detect_kernels", *_arguments(network), cwd=tmp_path)
    assert_refused(result, str(network), "not a readable ONNX file")
    assert not (tmp_path / "out").exists() or files_under(tmp_path / "out") == []


def test_a_missing_network_is_not_called_unreadable(tmp_path: Path) -> None:
    result = run_stage("detect_kernels", *_arguments(tmp_path / "net.onnx"), cwd=tmp_path)
    assert_refused(result, str(tmp_path / "net.onnx"), "No such file")


def test_unknown_operators_are_named(tmp_path: Path) -> None:
    network = _network(tmp_path / "net.onnx", "Erf", "Relu", "Mish")
    result = run_stage("detect_kernels", *_arguments(network), cwd=tmp_path)
    assert_refused(result, "nn-Meter does not know the operators Erf, Mish", str(network))


def test_operators_of_another_domain_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Fourier"):
        main(_arguments(_network(tmp_path / "net.onnx", "Fourier", domain="com.example")))


@pytest.mark.parametrize("rules", ["", "{", "[]", "3", "[" * 100_000], ids=["empty", "cut", "list", "number", "deep"])
def test_broken_fusion_rules(rules: str, tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text(rules)
    with pytest.raises(UserError, match=r"rules\.json"):
        main([*_arguments(_network(tmp_path / "net.onnx", "Relu")), f"--fusion-rules={tmp_path / 'rules.json'}"])
