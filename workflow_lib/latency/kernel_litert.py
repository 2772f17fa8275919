"""Conversion of a kernel to a separate LiteRT network, so that it can be measured in that runtime."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from workflow_lib.export.litert_writer import write_litert
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.kernel_graphs import check_kernel, split_type

_SCHEMA_VERSION: Final = 3


@dataclass(frozen=True)
class _Operator:
    """One LiteRT operator on images: its name in the schema, its options, and the tensors that it reads and writes."""

    name: str
    options: str
    values: Mapping[str, Any]
    inputs: Sequence[Sequence[int]]
    output: Sequence[int]
    weights: Sequence[NDArray[Any]] = field(default_factory=tuple)


def to_litert_kernel(kernel: Kernel) -> bytes:
    """Build a LiteRT file of a single kernel, for one image, with random weights.

    Args:
        kernel: kernel with square maps and windows. Its padding is TensorFlow's SAME if it has any.

    Returns:
        The content of the file; ReLU is fused and batch norm is folded into the weights, as in converted networks.

    Raises:
        UserError: if the type of the kernel is not supported, or the kernel is not square.
    """
    check_kernel(kernel)
    first, *rest = split_type(kernel)
    return _write(_BUILDERS[first](kernel), relu="relu" in rest)


def empty_litert() -> bytes:
    """Build a network that does nothing; its latency is the cost of a call, which every measurement includes."""
    return _write(_Operator("RELU", "", {}, [[1]], [1]), relu=False)


def _write(operator: _Operator, relu: bool) -> bytes:
    from ai_edge_litert import schema_py_generated as schema

    buffers = [schema.BufferT()]
    tensors = []
    for shape in (*operator.inputs, operator.output):
        tensors.append(_tensor(schema, shape, schema.TensorType.FLOAT32, 0))
    for weights in operator.weights:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(weights.tobytes(), np.uint8)
        buffers.append(buffer)
        kind = schema.TensorType.INT32 if weights.dtype == np.int32 else schema.TensorType.FLOAT32
        tensors.append(_tensor(schema, weights.shape, kind, len(buffers) - 1))
    count = len(operator.inputs)
    node = schema.OperatorT()
    node.opcodeIndex = 0
    node.inputs = [*range(count), *range(count + 1, len(tensors))]
    node.outputs = [count]
    if operator.options:
        node.builtinOptionsType = getattr(schema.BuiltinOptions, operator.options)
        node.builtinOptions = getattr(schema, f"{operator.options}T")()
        fused = {"fusedActivationFunction": schema.ActivationFunctionType.RELU} if relu else {}
        for name, value in {**operator.values, **fused}.items():
            setattr(node.builtinOptions, name, value)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, operator.name)
    code.version = 1
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = tensors, [node]
    graph.inputs, graph.outputs = list(range(count)), [count]
    for number, tensor in enumerate(tensors):
        tensor.name = f"t{number}".encode()
    model = schema.ModelT()
    model.signatureDefs = [_signature(schema, count)]
    model.version, model.operatorCodes, model.subgraphs, model.buffers = _SCHEMA_VERSION, [code], [graph], buffers
    return write_litert(model)


def _tensor(schema: Any, shape: Sequence[int], kind: int, buffer: int) -> Any:
    tensor = schema.TensorT()
    tensor.shape, tensor.type, tensor.buffer = np.array(shape, np.int32), kind, buffer
    return tensor


def _signature(schema: Any, inputs: int) -> Any:
    """Name the inputs and the output, by which the quantizer finds them."""
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    signature.inputs = [_named(schema, f"x{index}", index) for index in range(inputs)]
    signature.outputs = [_named(schema, "y", inputs)]
    return signature


def _named(schema: Any, name: str, index: int) -> Any:
    named = schema.TensorMapT()
    named.name, named.tensorIndex = name.encode(), index
    return named


def _random(*shape: int) -> NDArray[np.float32]:
    """Return the weights that the ONNX network of the same kernel has; shapes are those of ONNX."""
    return np.float32(0.05) * np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def _image(channels: int, side: float) -> list[int]:
    return [1, round(side), round(side), channels]


def _covered(kernel: Kernel) -> int:
    """Pixels that the windows of a kernel cover on each side of the image, with padding."""
    return (round(kernel.output_hw) - 1) * round(kernel.stride) + round(kernel.kernel_size)


def _is_same(kernel: Kernel) -> bool:
    """Whether a kernel pads, and gives the size of TensorFlow's SAME."""
    inside = _covered(kernel) <= round(kernel.input_hw)
    return not inside and round(kernel.output_hw) == -(-round(kernel.input_hw) // max(1, round(kernel.stride)))


def _images(kernel: Kernel) -> tuple[list[int], list[int]]:
    """Return the shapes of the input and the output; padding beyond SAME is part of the input."""
    side = kernel.input_hw if _is_same(kernel) else max(_covered(kernel), kernel.input_hw)
    return _image(kernel.in_channels, side), _image(kernel.out_channels, kernel.output_hw)


def _window(kernel: Kernel) -> dict[str, int]:
    """Return stride and padding: 0 is SAME, 1 is VALID."""
    stride = round(kernel.stride)
    return {"strideW": stride, "strideH": stride, "padding": int(not _is_same(kernel))}


def _convolution(kernel: Kernel) -> _Operator:
    source, target = _images(kernel)
    size = round(kernel.kernel_size)
    weights = _random(kernel.out_channels, kernel.in_channels, size, size).transpose(0, 2, 3, 1)
    values = _window(kernel) | {"dilationWFactor": 1, "dilationHFactor": 1}
    return _Operator("CONV_2D", "Conv2DOptions", values, [source], target, [weights, _random(kernel.out_channels)])


def _depthwise(kernel: Kernel) -> _Operator:
    source, target = _images(kernel)
    size = round(kernel.kernel_size)
    values = _window(kernel) | {"dilationWFactor": 1, "dilationHFactor": 1, "depthMultiplier": 1}
    weights = [_random(kernel.out_channels, 1, size, size).transpose(1, 2, 3, 0), _random(kernel.out_channels)]
    return _Operator("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", values, [source], target, weights)


def _pool(name: str) -> Callable[[Kernel], _Operator]:
    def build(kernel: Kernel) -> _Operator:
        source, target = _images(kernel)
        size = round(kernel.kernel_size)
        values = _window(kernel) | {"filterWidth": size, "filterHeight": size}
        return _Operator(name, "Pool2DOptions", values, [source], target)

    return build


def _global_pool(kernel: Kernel) -> _Operator:
    source, _ = _images(kernel)
    return _Operator("MEAN", "ReducerOptions", {}, [source], [1, kernel.out_channels], [np.array([1, 2], np.int32)])


def _addition(kernel: Kernel) -> _Operator:
    source, target = _images(kernel)
    return _Operator("ADD", "AddOptions", {}, [source, source], target)


def _activation(kernel: Kernel) -> _Operator:
    source, target = _images(kernel)
    return _Operator("RELU", "", {}, [source], target)


def _fully_connected(kernel: Kernel) -> _Operator:
    weights = [_random(kernel.out_channels, kernel.in_channels), _random(kernel.out_channels)]
    shapes = [1, kernel.in_channels], [1, kernel.out_channels]
    return _Operator("FULLY_CONNECTED", "FullyConnectedOptions", {}, [shapes[0]], shapes[1], weights)


_BUILDERS: Final[Mapping[str, Callable[[Kernel], _Operator]]] = {
    "conv": _convolution,
    "dwconv": _depthwise,
    "maxpool": _pool("MAX_POOL_2D"),
    "avgpool": _pool("AVERAGE_POOL_2D"),
    "gap": _global_pool,
    "add": _addition,
    "relu": _activation,
    "fc": _fully_connected,
}
