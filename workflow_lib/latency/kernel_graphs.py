"""Conversion of a kernel to a separate ONNX network, so that it can be measured on the target device."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from workflow_lib.core.errors import UserError
from workflow_lib.latency.kernel import Kernel

_OPSET: Final = 13
# As old as the opset, because boards run old releases of ONNX Runtime.
_IR_VERSION: Final = 8
# Operators that every runtime fuses into the previous one; batch norm is folded into the weights.
_FUSED_OPERATORS: Final = {"bn": None, "relu": "Relu"}

# Node, input shapes, output shape, weights.
_KernelParts = tuple[onnx.NodeProto, list[list[int]], list[int], list[onnx.TensorProto]]


def kernel_name(kernel: Kernel) -> str:
    """Return a readable, unique name of a kernel that is safe as a file name.

    >>> kernel_name(Kernel("maxpool", (), 32, 16, 24, 24, kernel_size=2, stride=2, multiply_adds=0.0))
    'maxpool_32-16_24-24_k2_s2'
    """
    sizes = f"{kernel.input_hw:g}-{kernel.output_hw:g}_{kernel.in_channels}-{kernel.out_channels}"
    return f"{kernel.type}_{sizes}_k{kernel.kernel_size:g}_s{kernel.stride:g}"


def to_onnx(kernel: Kernel) -> onnx.ModelProto:
    """Build a network of a single kernel, for one image, with random weights.

    Args:
        kernel: kernel with square maps and windows. Its padding becomes the smallest that gives its output size.

    Returns:
        The graph; batch norm is folded into the weights, as in runtimes.

    Raises:
        UserError: if the type of the kernel is not supported, or the kernel is not square.
    """
    check_kernel(kernel)
    first, *rest = split_type(kernel)
    node, inputs, output, weights = _BUILDERS[first](kernel)
    nodes = [node]
    for operator in filter(None, (_FUSED_OPERATORS[name] for name in rest)):
        nodes.append(helper.make_node(operator, [nodes[-1].output[0]], [f"y{len(nodes)}"]))
    values = [_value(name, shape) for name, shape in zip(node.input, inputs, strict=False)]
    graph = helper.make_graph(nodes, "kernel", values, [_value(nodes[-1].output[0], output)], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)


def split_type(kernel: Kernel) -> list[str]:
    """Return the operators of a kernel, of which the first gives it its name."""
    return kernel.type.split("-")


def check_kernel(kernel: Kernel) -> None:
    """Check that a kernel can be measured separately.

    Raises:
        UserError: if its type is not supported, or it is not square.
    """
    first, *rest = split_type(kernel)
    if first not in _BUILDERS or not set(rest) <= set(_FUSED_OPERATORS):
        raise UserError(f"kernels of type {kernel.type!r} cannot be measured separately, only {', '.join(_BUILDERS)}")
    sides = (kernel.input_hw, kernel.output_hw, kernel.kernel_size)
    if not all(float(side).is_integer() for side in sides):
        raise UserError(f"kernel {kernel_name(kernel)} is not square, so it cannot be measured separately")


def empty_graph() -> onnx.ModelProto:
    """Build a network that does nothing; its latency is the cost of a call, which every measurement includes."""
    node = helper.make_node("Relu", ["x0"], ["y"])
    graph = helper.make_graph([node], "empty", [_value("x0", [1])], [_value("y", [1])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)


def _value(name: str, shape: list[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _weights(name: str, *shape: int) -> onnx.TensorProto:
    values = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    return numpy_helper.from_array(0.05 * values, name)


def _input_shape(kernel: Kernel) -> list[int]:
    return [1, kernel.in_channels, round(kernel.input_hw), round(kernel.input_hw)]


def _output_shape(kernel: Kernel) -> list[int]:
    return [1, kernel.out_channels, round(kernel.output_hw), round(kernel.output_hw)]


def _window(kernel: Kernel) -> dict[str, Any]:
    size = round(kernel.kernel_size)
    stride = round(kernel.stride)
    padding = max(0, (round(kernel.output_hw) - 1) * stride + size - round(kernel.input_hw))
    before, after = padding // 2, padding - padding // 2
    return {"kernel_shape": [size] * 2, "strides": [stride] * 2, "pads": [before, before, after, after]}


def _convolution(kernel: Kernel, groups: int = 1) -> _KernelParts:
    size = round(kernel.kernel_size)
    weights = _weights("w", kernel.out_channels, kernel.in_channels // groups, size, size)
    node = helper.make_node("Conv", ["x0", "w", "b"], ["y"], group=groups, **_window(kernel))
    return node, [_input_shape(kernel)], _output_shape(kernel), [weights, _weights("b", kernel.out_channels)]


def _depthwise(kernel: Kernel) -> _KernelParts:
    return _convolution(kernel, groups=kernel.in_channels)


def _pool(operator: str) -> Callable[[Kernel], _KernelParts]:
    def build(kernel: Kernel) -> _KernelParts:
        node = helper.make_node(operator, ["x0"], ["y"], **_window(kernel))
        return node, [_input_shape(kernel)], _output_shape(kernel), []

    return build


def _global_pool(kernel: Kernel) -> _KernelParts:
    node = helper.make_node("GlobalAveragePool", ["x0"], ["y"])
    return node, [_input_shape(kernel)], [1, kernel.out_channels, 1, 1], []


def _addition(kernel: Kernel) -> _KernelParts:
    return helper.make_node("Add", ["x0", "x1"], ["y"]), [_input_shape(kernel)] * 2, _output_shape(kernel), []


def _activation(kernel: Kernel) -> _KernelParts:
    return helper.make_node("Relu", ["x0"], ["y"]), [_input_shape(kernel)], _output_shape(kernel), []


def _fully_connected(kernel: Kernel) -> _KernelParts:
    weights = [_weights("w", kernel.out_channels, kernel.in_channels), _weights("b", kernel.out_channels)]
    node = helper.make_node("Gemm", ["x0", "w", "b"], ["y"], transB=1)
    return node, [[1, kernel.in_channels]], [1, kernel.out_channels], weights


_BUILDERS: Final[Mapping[str, Callable[[Kernel], _KernelParts]]] = {
    "conv": _convolution,
    "dwconv": _depthwise,
    "maxpool": _pool("MaxPool"),
    "avgpool": _pool("AveragePool"),
    "gap": _global_pool,
    "add": _addition,
    "relu": _activation,
    "fc": _fully_connected,
}
