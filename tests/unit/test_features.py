"""Kernels whose features do not tell them from others have no price; graphs that mean nothing are one line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from workflow_lib.core.errors import UserError
from workflow_lib.latency.kernel import FUSION_RULES
from workflow_lib.latency.kernels import detect_kernels

pytest.importorskip("nn_meter")


def graph(nodes: Sequence[Any], weights: dict[str, Sequence[int]], shape: Sequence[int | str], out: str = "y") -> Any:
    tensors = [numpy_helper.from_array(np.ones(size, np.float32), name) for name, size in weights.items()]
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    result = helper.make_tensor_value_info(out, TensorProto.FLOAT, None)
    made = helper.make_graph(nodes, "graph", [value], [result], tensors)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def convolution(
    weights: Sequence[int], shape: Sequence[int] = (1, 8, 20, 20), named: bool = True, **attributes: Any
) -> Any:
    window = list(weights[2:])
    if named:
        attributes = {"kernel_shape": window, "pads": [side // 2 for side in window] * 2} | attributes
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], **attributes), helper.make_node("Relu", ["c"], ["y"])]
    return graph(nodes, {"w": weights}, shape)


EXPRESSED = {
    "plain": convolution([16, 8, 3, 3]),
    "depthwise": convolution([8, 1, 3, 3], group=8),
    "one band": convolution([16, 1, 3, 3], (1, 1, 20, 20), group=1),
}
INEXPRESSIBLE = {
    "groups": (convolution([16, 2, 3, 3], group=4), "groups 4"),
    "a flat window": (convolution([16, 8, 1, 7]), "window 1x7"),
    "a tall window": (convolution([16, 8, 7, 1]), "window 7x1"),
    "a wide map": (convolution([16, 8, 3, 3], (1, 8, 20, 80)), "map 20x80"),
    "a tall map": (convolution([16, 8, 3, 3], (1, 8, 80, 20)), "map 80x20"),
    "dilation": (convolution([16, 8, 3, 3], dilations=[2, 2], pads=[2] * 4), "dilation 2x2"),
    "two strides": (convolution([16, 8, 3, 3], strides=[2, 1]), "stride 2x1"),
    "much padding": (convolution([16, 8, 3, 3], pads=[10] * 4), "output 38x38"),
}


@pytest.mark.parametrize("case", EXPRESSED)
def test_what_features_express_has_a_price(case: str) -> None:
    (kernel,) = detect_kernels(EXPRESSED[case], FUSION_RULES)
    assert kernel.inexpressible == ()
    assert kernel.type == ("dwconv-relu" if case == "depthwise" else "conv-relu")


@pytest.mark.parametrize("case", INEXPRESSIBLE)
def test_what_they_do_not_express_is_named(case: str) -> None:
    model, reason = INEXPRESSIBLE[case]
    (kernel,) = detect_kernels(model, FUSION_RULES)
    assert reason in kernel.inexpressible


def add(*inputs: str) -> Any:
    return helper.make_node("Add", list(inputs), ["y"])


def test_other_operators_that_features_do_not_express() -> None:
    relu, small = (helper.make_node("Relu", ["x"], ["a"]), helper.make_node("GlobalAveragePool", ["a"], ["b"]))
    kernels = detect_kernels(graph([relu, small, add("a", "b")], {}, [1, 8, 20, 20]), FUSION_RULES)
    (addition,) = [kernel for kernel in kernels if kernel.type.startswith("add")]
    assert "broadcast of an operand" in addition.inexpressible
    copies = [helper.make_node("Relu", ["x"], [f"r{number}"]) for number in range(5)]
    joined = helper.make_node("Concat", [f"r{number}" for number in range(5)], ["y"], axis=1)
    kernels = detect_kernels(graph([*copies, joined], {}, [1, 8, 20, 20]), FUSION_RULES)
    (concat,) = [kernel for kernel in kernels if kernel.type.startswith("concat")]
    assert "inputs 5" in concat.inexpressible


def dense(*nodes: Any, **weights: Sequence[int]) -> Any:
    return graph([*nodes, helper.make_node("Relu", ["z"], ["y"])], weights, [1, 16])


def matmul(result: str) -> Any:
    return helper.make_node("MatMul", ["x", "w"], [result])


DENSE = {
    "Gemm": dense(helper.make_node("Gemm", ["x", "w", "b"], ["z"]), w=[16, 4], b=[4]),
    "MatMul and Add": dense(matmul("m"), helper.make_node("Add", ["m", "b"], ["z"]), w=[16, 4], b=[4]),
    "MatMul and Add, turned round": dense(matmul("m"), helper.make_node("Add", ["b", "m"], ["z"]), w=[16, 4], b=[1, 4]),
    "MatMul alone": dense(matmul("z"), w=[16, 4]),
}


@pytest.mark.parametrize("case", DENSE)
def test_dense_layers_of_every_spelling_are_one_kernel(case: str) -> None:
    (kernel,) = detect_kernels(DENSE[case], FUSION_RULES)
    assert (kernel.type, kernel.multiply_adds, kernel.features[:2]) == ("fc-relu", 64, (16.0, 4.0))


def test_a_convolution_without_kernel_shape_takes_that_of_its_weights() -> None:
    bare = convolution([16, 8, 3, 3], named=False, pads=[1] * 4)
    assert detect_kernels(bare, FUSION_RULES) == detect_kernels(EXPRESSED["plain"], FUSION_RULES)


def relu(source: str, result: str) -> Any:
    return helper.make_node("Relu", [source], [result])


REFUSED = {
    "a cycle": (graph([add("x", "b"), relu("y", "b")], {}, [1, 4, 6, 6]), "not a valid ONNX graph"),
    "an undefined input": (graph([relu("nothing", "y")], {}, [1, 4, 6, 6]), "not a valid ONNX graph"),
    "an output made twice": (graph([relu("x", "y"), relu("x", "y")], {}, [1, 4, 6, 6]), "not a valid ONNX graph"),
    "negative groups": (convolution([16, 8, 3, 3], group=-2), "groups"),
    "no groups": (convolution([16, 8, 3, 3], group=0), "groups"),
    "groups that do not divide": (convolution([16, 2, 3, 3], group=3), "3 groups do not divide 8 channels"),
    "another window than the weights'": (convolution([16, 8, 3, 3], kernel_shape=[5, 5]), "kernel_shape"),
    "a batch": (convolution([16, 8, 3, 3], (8, 8, 20, 20)), "takes 8 images at once; export it with a batch of 1"),
    "no image": (convolution([16, 8, 3, 3], (0, 8, 20, 20)), "takes 0 images"),
    "one dimension": (convolution([16, 8, 3], (1, 8, 20)), "one-dimensional Conv has no predictor"),
    "three dimensions": (convolution([16, 8, 3, 3, 3], (1, 8, 6, 6, 6)), "three-dimensional Conv has no predictor"),
    "MatMul of tokens": (
        graph([helper.make_node("MatMul", ["x", "w"], ["y"])], {"w": [16, 4]}, [1, 7, 16]), "has no predictor",
    ),
    "an operator of nobody's": (
        graph([helper.make_node("Relu", ["x"], ["y"], domain="my.own")], {}, [1, 4, 6, 6]), r"my\.own\.Relu",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_graphs_that_nobody_can_price_are_one_line(case: str, tmp_path: Path) -> None:
    model, message = REFUSED[case]
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(UserError, match=message) as refusal:
        detect_kernels(tmp_path / "model.onnx", FUSION_RULES)
    assert "\n" not in str(refusal.value)


def test_a_symbolic_batch_is_one_image() -> None:
    named = convolution([16, 8, 3, 3], ("batch", 8, 20, 20))
    assert detect_kernels(named, FUSION_RULES) == detect_kernels(EXPRESSED["plain"], FUSION_RULES)


def test_half_precision_is_refused() -> None:
    model = EXPRESSED["plain"]
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    for tensor in copy.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    copy.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    with pytest.raises(UserError, match="is FLOAT16, but predictors support float32 only"):
        detect_kernels(copy, FUSION_RULES)
