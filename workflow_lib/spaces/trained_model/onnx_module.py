"""A torch module with the layers and weights of an ONNX file, so that a user's model is measured like any network."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from workflow_lib.core.errors import UserError

Attributes = Mapping[str, Any]
Constants = Mapping[str, Tensor]
Step = Callable[..., Tensor | Sequence[Tensor]]
"""Function of the tensors of a node's inputs that are not constants of the layer, which returns its outputs."""


class OnnxModule(nn.Module):
    """The network of an ONNX file for images.

    Args:
        file: ONNX file with one input, (images, channels, height, width) in float32, and one output, (images, classes)
            logits or probabilities.

    Raises:
        UserError: if the file cannot be read, or has operators that are not known here; the message names them.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        graph = _read(file)
        constants = {each.name: _to_tensor(each) for each in graph.initializer}
        nodes = []
        for node in graph.node:
            if node.op_type == "Constant":
                constants[node.output[0]] = _constant(node, file)
            elif node.op_type == "Identity" and node.input[0] in constants:  # equal weights are stored once
                constants[node.output[0]] = constants[node.input[0]]
            else:
                nodes.append(node)
        if unknown := sorted({node.op_type for node in nodes} - _OPERATORS.keys()):
            raise UserError(f"has operators that are not supported: {', '.join(unknown)}", file)
        inputs = [each.name for each in graph.input if each.name not in constants]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise UserError(f"has {len(inputs)} inputs and {len(graph.output)} outputs, but needs one of each", file)
        self._input, self._output = inputs[0], graph.output[0].name
        _check_ends(nodes, self._output, file)
        shape = next(each for each in graph.input if each.name == inputs[0]).type.tensor_type.shape
        self._sides = [each.dim_value for each in shape.dim][2:]
        self._layers = nn.ModuleList()
        self._steps: list[tuple[Step, list[str], list[str]]] = []
        for node in nodes:
            self._add(node, constants, file)
        used = {name for _, names, _ in self._steps for name in names}
        self._constants = {name: tensor for name, tensor in constants.items() if name in used}

    def _add(self, node: onnx.NodeProto, constants: Constants, file: Path) -> None:
        attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        try:
            step, names = _OPERATORS[node.op_type](attributes, list(node.input), constants)
        except (KeyError, ValueError, IndexError) as error:
            raise UserError(f"its node {node.op_type} {node.name} is not supported ({error})", file) from None
        if isinstance(step, nn.Module):
            self._layers.append(step)
        self._steps.append((step, names, list(node.output)))

    def forward(self, images: Tensor) -> Tensor:
        """Classify images.

        Args:
            images: (n, channels, height, width).

        Returns:
            (n, classes) logits; the logarithms of the probabilities if the file returns these.
        """
        differs = any(side and side != own for side, own in zip(self._sides, images.shape[2:], strict=True))
        if differs:
            raise ValueError(f"it takes images of {self._sides} pixels")
        values: dict[str, Tensor] = {name: each.to(images.device) for name, each in self._constants.items()}
        values[self._input] = images
        for step, names, outputs in self._steps:
            result = step(*(values[name] for name in names))
            values |= dict(zip(outputs, [result] if isinstance(result, Tensor) else result, strict=False))
        return values[self._output]


def _read(file: Path) -> onnx.GraphProto:
    try:
        model = onnx.load(file)
        onnx.checker.check_model(model)
    except FileNotFoundError:
        raise UserError("no such file", file) from None
    except Exception as error:  # the parser of onnx raises errors of its own and of protobuf
        raise UserError(f"is not a valid ONNX file ({str(error).splitlines()[0]})", file) from None
    return model.graph


def _constant(node: onnx.NodeProto, file: Path) -> Tensor:
    (attribute,) = node.attribute
    if attribute.name != "value":
        raise UserError(f"its node Constant {node.name} is not supported ({attribute.name})", file)
    return _to_tensor(attribute.t)


def _check_ends(nodes: Sequence[onnx.NodeProto], output: str, file: Path) -> None:
    """Check that only the output is a softmax, which becomes its logarithm, and that it is not a sigmoid."""
    for node in nodes:
        if node.op_type == "Softmax" and output not in node.output:
            raise UserError(f"its node Softmax {node.name} is not supported (it is not the output)", file)
        if node.op_type == "Sigmoid" and output in node.output:
            raise UserError("its output is a Sigmoid", file, "give a file whose output is logits or a Softmax")


def _to_tensor(tensor: onnx.TensorProto) -> Tensor:
    return torch.from_numpy(np.array(numpy_helper.to_array(tensor)))


def _convolution(attributes: Attributes, names: list[str], constants: Constants) -> tuple[Step, list[str]]:
    weight = constants[names[1]]
    groups = int(attributes.get("group", 1))
    pads = list(attributes.get("pads", [0, 0, 0, 0]))
    layer = nn.Conv2d(
        weight.shape[1] * groups,
        weight.shape[0],
        _pair(weight.shape[2:]),
        _pair(attributes.get("strides", (1, 1))),
        _symmetric(pads, attributes),
        _pair(attributes.get("dilations", (1, 1))),
        groups,
        bias=len(names) > 2,
    )
    return _with_weights(layer, weight, constants[names[2]] if len(names) > 2 else None), names[:1]


def _linear(attributes: Attributes, names: list[str], constants: Constants) -> tuple[Step, list[str]]:
    weight = constants[names[1]]
    if attributes.get("transA") or attributes.get("alpha", 1.0) != 1 or attributes.get("beta", 1.0) != 1:
        raise ValueError("transA, alpha or beta")
    weight = weight if attributes.get("transB") else weight.T.contiguous()
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=len(names) > 2)
    return _with_weights(layer, weight, constants[names[2]] if len(names) > 2 else None), names[:1]


def _with_weights(layer: nn.Conv2d | nn.Linear, weight: Tensor, bias: Tensor | None) -> nn.Module:
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None and layer.bias is not None:
            layer.bias.copy_(bias)
    return layer


def _batch_norm(attributes: Attributes, names: list[str], constants: Constants) -> tuple[Step, list[str]]:
    scale, shift, mean, variance = (constants[name] for name in names[1:5])
    layer = nn.BatchNorm2d(len(scale), eps=attributes.get("epsilon", 1e-5))
    layer.load_state_dict({"weight": scale, "bias": shift, "running_mean": mean, "running_var": variance}, strict=False)
    return layer, names[:1]


def _pool(kind: type[nn.MaxPool2d] | type[nn.AvgPool2d]) -> Callable[..., tuple[Step, list[str]]]:
    def make(attributes: Attributes, names: list[str], _: Constants) -> tuple[Step, list[str]]:
        pads = _symmetric(list(attributes.get("pads", [0, 0, 0, 0])), attributes)
        if set(attributes.get("dilations", [1])) != {1}:
            raise ValueError("dilations")
        more: dict[str, Any] = {"ceil_mode": bool(attributes.get("ceil_mode"))}
        if kind is nn.AvgPool2d:
            more["count_include_pad"] = bool(attributes.get("count_include_pad"))
        kernel, strides = _pair(attributes["kernel_shape"]), _pair(attributes.get("strides", (1, 1)))
        return kind(kernel, strides, pads, **more), names[:1]

    return make


def _pair(numbers: Sequence[int]) -> tuple[int, int]:
    rows, columns = numbers  # a ValueError if it is not for images
    return rows, columns


def _symmetric(pads: Sequence[int], attributes: Attributes) -> tuple[int, int]:
    top, left, bottom, right = pads
    automatic = attributes.get("auto_pad", b"NOTSET")
    if (top, left) != (bottom, right) or automatic not in (b"NOTSET", b"VALID"):
        raise ValueError("padding that differs between the sides")
    return top, left


def _clip(attributes: Attributes, names: list[str], constants: Constants) -> tuple[Step, list[str]]:
    limits = [float(constants[name]) if name else None for name in names[1:3]]
    low, high = limits if len(limits) == 2 else (attributes["min"], attributes["max"])
    if low is None or high is None:
        raise ValueError("one limit only")
    return nn.Hardtanh(low, high), names[:1]


def _hard_sigmoid(attributes: Attributes, names: list[str], _: Constants) -> tuple[Step, list[str]]:
    if not np.allclose((attributes.get("alpha", 0.2), attributes.get("beta", 0.5)), (1 / 6, 0.5)):
        raise ValueError("alpha and beta other than 1/6 and 1/2")
    return nn.Hardsigmoid(), names[:1]


def _reshape(_: Attributes, names: list[str], constants: Constants) -> tuple[Step, list[str]]:
    shape = constants[names[1]].tolist()
    if shape[0] not in (0, 1, -1):
        raise ValueError(f"shape {shape}")
    # The file is for one image or any number of them; the first dimension counts the images.
    return lambda x: x.reshape(len(x), *shape[1:]), names[:1]


def _mean(attributes: Attributes, names: list[str], constants: Constants) -> tuple[Step, list[str]]:
    axes = attributes["axes"] if "axes" in attributes else constants[names[1]].tolist()
    kept = bool(attributes.get("keepdims", 1))
    return lambda x: x.mean(tuple(axes), keepdim=kept), names[:1]


def _split(attributes: Attributes, names: list[str], constants: Constants) -> tuple[Step, list[str]]:
    sizes = attributes["split"] if "split" in attributes else constants[names[1]].tolist()
    axis = int(attributes.get("axis", 0))
    return lambda x: x.split(list(sizes), axis), names[:1]


def _softmax(attributes: Attributes, names: list[str], _: Constants) -> tuple[Step, list[str]]:
    if attributes.get("axis", -1) not in (1, -1):
        raise ValueError("axis")
    return nn.LogSoftmax(1), names[:1]


def _flatten(attributes: Attributes, names: list[str], _: Constants) -> tuple[Step, list[str]]:
    if attributes.get("axis", 1) != 1:
        raise ValueError("axis")
    return nn.Flatten(), names[:1]


def _layer(make: Callable[[], nn.Module]) -> Callable[..., tuple[Step, list[str]]]:
    return lambda _attributes, names, _constants: (make(), names[:1])


def _plain(step: Step) -> Callable[..., tuple[Step, list[str]]]:
    return lambda _attributes, names, _constants: (step, names)


_OPERATORS: Mapping[str, Callable[..., tuple[Step, list[str]]]] = {
    "Conv": _convolution,
    "Gemm": _linear,
    "MatMul": _linear,
    "BatchNormalization": _batch_norm,
    "Relu": _layer(nn.ReLU),
    "Clip": _clip,
    "HardSwish": _layer(nn.Hardswish),
    "HardSigmoid": _hard_sigmoid,
    "Sigmoid": _layer(nn.Sigmoid),
    "MaxPool": _pool(nn.MaxPool2d),
    "AveragePool": _pool(nn.AvgPool2d),
    "GlobalAveragePool": _layer(lambda: nn.AdaptiveAvgPool2d(1)),
    "ReduceMean": _mean,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Softmax": _softmax,
    "Identity": _layer(nn.Identity),
    "Dropout": _layer(nn.Identity),
    "Add": _plain(torch.add),
    "Sub": _plain(torch.sub),
    "Mul": _plain(torch.mul),
    "Div": _plain(torch.div),
    "Split": _split,
    "Concat": lambda attributes, names, _: (lambda *parts: torch.cat(parts, int(attributes["axis"])), names),
    "Transpose": lambda attributes, names, _: (lambda x: x.permute(*attributes["perm"]), names[:1]),
}
"""Operator -> function of attributes, input names and constants that returns a step and the names of its inputs."""
