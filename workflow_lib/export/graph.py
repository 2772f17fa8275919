"""ONNX graphs without their weights: what can be known of a network from its shapes alone."""

import math

import onnx

# Shape inference reads the values of small integer tensors (the target of Reshape, the widths of Pad), never
# those of weights.
_SMALL_TENSOR_ELEMENTS = 16


def strip_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a graph without the values of its weights, which leaves some ten kilobytes.

    Names, types and dimensions stay, which is all that `detect_kernels` reads. The copy cannot be run.

    Args:
        model: ONNX graph; not modified.

    Returns:
        The graph, every initializer of more than 16 elements reduced to its dimensions.
    """
    # Built from parts: copying the whole first would copy the weights that are to be dropped.
    graph = onnx.GraphProto(
        name=model.graph.name,
        node=model.graph.node,
        input=model.graph.input,
        output=model.graph.output,
        value_info=model.graph.value_info,
        initializer=[_without_values(tensor) for tensor in model.graph.initializer],
    )
    return onnx.ModelProto(
        ir_version=model.ir_version, opset_import=model.opset_import, functions=model.functions, graph=graph
    )


def _without_values(tensor: onnx.TensorProto) -> onnx.TensorProto:
    if math.prod(tensor.dims) <= _SMALL_TENSOR_ELEMENTS:
        return tensor
    return onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
