"""The operators that LiteRT runs for an exported network: which activations it keeps, and which it fuses away.

Batch norm is folded into convolutions at export. LiteRT fuses ReLU and ReLU6 into the operator before it, and pads in a
separate operator wherever the padding is not that of TensorFlow's scheme SAME.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import onnx

from workflow_lib.core.errors import UserError
from workflow_lib.models.activation_plan import Step

_IMAGE_DIMENSIONS: Final = 4
# Operators whose conversion does not ask for an image; others run as they are on values of other dimensions.
_ON_ANY_SHAPE: Final = {"Relu", "Clip", "Flatten", "Reshape", "Split", "BatchNormalization"}
_SKIPPED: Final = {"Identity", "Dropout"}
# Operators into which LiteRT fuses an activation.
_FUSING: Final = {"Conv", "Add", "Gemm", "BatchNormalization"}

# What ONNX files multiply an image with, from the last operator to the first, where torch has a hard-swish.
_HARD_SWISH: Final = ["Div", "Clip", "Add"]


class LiteRtSteps:
    """Steps and activations of a network in LiteRT.

    Args:
        graph: graph of the network for one image, exported for inference, with the shapes of all tensors.

    Attributes:
        steps: operators in the order of execution.
        elements: tensor -> number of values.
    """

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.steps: list[Step] = []
        self.elements: dict[str, int] = {}
        self._shapes = _shapes(graph)
        self._constants = {tensor.name for tensor in graph.initializer}
        self._readers = Counter(name for node in graph.node for name in node.input)
        self._writers = {name: node for node in graph.node for name in node.output}
        self._same: dict[str, str] = {}
        for node in graph.node:
            self._add(node)

    def _add(self, node: onnx.NodeProto) -> None:
        if node.op_type == "Shape" or all(self._is_constant(name) for name in node.input):
            self._constants.update(node.output)
            return
        if node.op_type in _SKIPPED:
            self._same[node.output[0]] = self._tensor(node.input[0])
            return
        on_image = len(self._shape(node.output[0])) == _IMAGE_DIMENSIONS or node.op_type in _ON_ANY_SHAPE
        convert = _CONVERTERS.get(node.op_type, LiteRtSteps._plain) if on_image else LiteRtSteps._plain
        convert(self, node, _attributes(node))

    def _is_constant(self, name: str) -> bool:
        return not name or name in self._constants

    def _shape(self, name: str) -> Sequence[int]:
        shape = self._shapes.get(name)
        if shape is None or not all(shape):
            raise UserError(f"the shape of {name} is not known before it runs", "network", "give fixed shapes")
        return shape

    def _tensor(self, name: str) -> str:
        return self._same.get(name, name)

    def _run(self, inputs: Sequence[str], output: str, shape: Sequence[int]) -> str:
        """Append a step; return its output."""
        names = [self._tensor(name) for name in inputs if not self._is_constant(name)]
        for name in names:
            if name not in self.elements:
                self.elements[name] = math.prod(self._shape(name))
        self.elements[output] = math.prod(shape)
        self.steps.append(Step(names, [output]))
        return output

    def _plain(self, node: onnx.NodeProto, _attributes: Mapping[str, Any]) -> None:
        self._run(node.input, node.output[0], self._shape(node.output[0]))

    def _window(self, node: onnx.NodeProto, attributes: Mapping[str, Any]) -> None:
        """Convolution or pooling: padding other than SAME, or beyond the edge, is an operator of its own."""
        source, output = node.input[0], node.output[0]
        shape, made = self._shape(source), self._shape(output)
        if not _pads_like_tensorflow(shape[2:], made[2:], attributes, self._kernel(node, attributes)):
            sides = [
                max(side + before + after, (count - 1) * stride + reach)
                for side, before, after, count, stride, reach in zip(
                    shape[2:], *_pads(attributes), made[2:], _strides(attributes),
                    _reach(attributes, self._kernel(node, attributes)), strict=True,
                )
            ]  # fmt: skip
            source = self._run([source], f"{output}.padded", [*shape[:2], *sides])
        self._run([source], output, made)

    def _average(self, node: onnx.NodeProto, attributes: Mapping[str, Any]) -> None:
        """Average pooling; LiteRT cannot leave out padding with a stride, or beyond the edge."""
        source, output = node.input[0], node.output[0]
        shape, made = self._shape(source), self._shape(output)
        padded = any(attributes.get("pads", [0])) and not attributes.get("count_include_pad", 0)
        if padded and max(_strides(attributes)) > 1:
            dense = self._run([source], f"{output}.dense", shape)
            rows = self._run([dense], f"{output}.rows", [*shape[:2], made[2], shape[3]])
            self._run([rows], output, made)
        elif padded:
            self._run([source], output, made)
        elif attributes.get("ceil_mode", 0) and made[2] * _strides(attributes)[0] > shape[2]:
            self._window(node, attributes)
            self._same[output] = self._run([output], f"{output}.scaled", made)
        else:
            self._window(node, attributes)

    def _activation(self, node: onnx.NodeProto, attributes: Mapping[str, Any]) -> None:
        """ReLU and ReLU6: fused into the operator that writes their input, if nothing else reads it."""
        source = node.input[0]
        writer = self._writers.get(source)
        if writer is not None and writer.op_type in _FUSING and self._readers[source] == 1:
            self._same[node.output[0]] = self._tensor(source)
        else:
            self._plain(node, attributes)

    def _multiply(self, node: onnx.NodeProto, attributes: Mapping[str, Any]) -> None:
        """Multiplication; x * (ReLU6(x + 3) / 6) is one operator, hard-swish."""
        chain = [self._writers.get(node.input[1])]
        while chain[-1] is not None and chain[-1].input and len(chain) < len(_HARD_SWISH):
            chain.append(self._writers.get(chain[-1].input[0]))
        nodes = [each for each in chain if each is not None]
        if [each.op_type for each in nodes] != _HARD_SWISH or nodes[-1].input[0] != node.input[0]:
            self._plain(node, attributes)
            return
        inner = {self._tensor(each.output[0]) for each in nodes}
        self.steps = [step for step in self.steps if not inner & set(step.outputs)]
        self._run(node.input[:1], node.output[0], self._shape(node.output[0]))

    def _norm(self, node: onnx.NodeProto, _attributes: Mapping[str, Any]) -> None:
        """Batch norm that follows no convolution: subtract, multiply, add."""
        output = node.output[0]
        shape = self._shape(output)
        centred = self._run(node.input[:1], f"{output}.centred", shape)
        self._run([self._run([centred], f"{output}.scaled", shape)], output, shape)

    def _reshape(self, node: onnx.NodeProto, _attributes: Mapping[str, Any]) -> None:
        """Flattening costs nothing; other shapes need the order of torch, so the image is transposed around them."""
        source, output = node.input[0], node.output[0]
        before, after = self._shape(source), self._shape(output)
        if len(after) <= 2 and before[2:] in ([1, 1], []):
            self._same[output] = self._tensor(source)
            return
        if len(before) == 4:
            source = self._run([source], f"{output}.channels_first", before)
        if len(after) == 4:
            source = self._run([source], f"{output}.reshaped", after)
        self._run([source], output, after)

    def _split(self, node: onnx.NodeProto, _attributes: Mapping[str, Any]) -> None:
        for output in node.output:
            self._run(node.input[:1], output, self._shape(output))

    def _kernel(self, node: onnx.NodeProto, attributes: Mapping[str, Any]) -> Sequence[int]:
        kernel: Sequence[int] = attributes.get("kernel_shape") or self._shape(node.input[1])[2:]
        return kernel


_CONVERTERS: Final[Mapping[str, Callable[[LiteRtSteps, onnx.NodeProto, Mapping[str, Any]], None]]] = {
    "Conv": LiteRtSteps._window,
    "MaxPool": LiteRtSteps._window,
    "Mul": LiteRtSteps._multiply,
    "AveragePool": LiteRtSteps._average,
    "Relu": LiteRtSteps._activation,
    "Clip": LiteRtSteps._activation,
    "BatchNormalization": LiteRtSteps._norm,
    "Flatten": LiteRtSteps._reshape,
    "Reshape": LiteRtSteps._reshape,
    "Split": LiteRtSteps._split,
}


def _shapes(graph: onnx.GraphProto) -> dict[str, list[int]]:
    values = [*graph.input, *graph.output, *graph.value_info]
    shapes = {value.name: [size.dim_value for size in value.type.tensor_type.shape.dim] for value in values}
    return shapes | {tensor.name: list(tensor.dims) for tensor in graph.initializer}


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}


def _strides(attributes: Mapping[str, Any]) -> Sequence[int]:
    strides: Sequence[int] = attributes.get("strides", [1, 1])
    return strides


def _pads(attributes: Mapping[str, Any]) -> tuple[Sequence[int], Sequence[int]]:
    """Return the padding before and after each side."""
    pads = attributes.get("pads", [0, 0, 0, 0])
    return pads[:2], pads[2:]


def _reach(attributes: Mapping[str, Any], kernel: Sequence[int]) -> list[int]:
    """Return how many pixels a window covers on each side, with its dilation."""
    dilations = attributes.get("dilations", [1, 1])
    return [dilation * (size - 1) + 1 for dilation, size in zip(dilations, kernel, strict=True)]


def _pads_like_tensorflow(
    shape: Sequence[int], made: Sequence[int], attributes: Mapping[str, Any], kernel: Sequence[int]
) -> bool:
    """Tell whether a window pads nothing, or as TensorFlow's scheme SAME does.

    Args:
        shape: sides of the input.
        made: sides of the output.
        attributes: attributes of the ONNX node.
        kernel: sides of the window.
    """
    before, after = _pads(attributes)
    reach, strides = _reach(attributes, kernel), _strides(attributes)
    inside = [(count - 1) * stride + size for count, stride, size in zip(made, strides, reach, strict=True)]
    if not any(before) and not any(after):
        return all(used <= side for used, side in zip(inside, shape, strict=True))
    for side, count, stride, used, left, right in zip(shape, made, strides, inside, before, after, strict=True):
        total = max(used - side, 0)
        if count != -(-side // stride) or (left, right) != (total // 2, total - total // 2):
            return False
    return True
