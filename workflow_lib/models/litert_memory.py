"""Memory that a network needs on a device that runs LiteRT or tflite-micro, from its ONNX graph alone."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnx

from workflow_lib.core.candidate import BYTES, Precision
from workflow_lib.models.activation_plan import plan_bytes
from workflow_lib.models.litert_steps import LiteRtSteps
from workflow_lib.models.onnx_graph import load_without_weights

# LiteRT stores only the weights in half precision; it computes in float32.
_ACTIVATION_BYTES: Final[dict[str, int]] = BYTES | {"fp16": BYTES["fp32"]}


@dataclass(frozen=True)
class _FileOverhead:
    """Bytes of a LiteRT file besides its weights.

    Fitted to 24 converted networks of six spaces; the largest error is 3 % of a file, with 12,000 parameters.

    Args:
        bias: bytes per bias.
        file, layer, step, channel: bytes per file, per layer with weights, per operator, and per output channel of a
            layer with weights. Quantization has two scales and two zero points for each of these channels.
    """

    bias: int
    file: int
    layer: int
    step: int
    channel: int


_OVERHEADS: Final[dict[str, _FileOverhead]] = {
    "fp32": _FileOverhead(bias=4, file=2200, layer=70, step=150, channel=0),
    "fp16": _FileOverhead(bias=2, file=2200, layer=156, step=139, channel=2),
    "int8": _FileOverhead(bias=4, file=620, layer=220, step=150, channel=24),
}


def peak_activation_bytes(model: Path, precision: Precision) -> int:
    """Plan the memory of a network's activations for one chip.

    Args:
        model: float32 ONNX file of the network, exported for inference.
        precision: precision in which LiteRT runs it; int8 includes its input and output.

    Returns:
        Bytes of the arena of activations (tflite-micro's "head"), without the structures of the interpreter.
    """
    network = LiteRtSteps(_read(model))
    return plan_bytes(
        network.steps, {name: count * _ACTIVATION_BYTES[precision] for name, count in network.elements.items()}
    )


def flash_bytes(model: Path, precision: Precision) -> int:
    """Estimate the size of a network's LiteRT file; see `peak_activation_bytes`."""
    graph, overhead = _read(model), _OVERHEADS[precision]
    layers = list(_layers(graph))
    weights = sum(math.prod(shape) * BYTES[precision] for shape in layers)
    channels = sum(shape[0] for shape in layers) * (overhead.bias + overhead.channel)
    steps = len(LiteRtSteps(graph).steps) * overhead.step
    return weights + channels + steps + len(layers) * overhead.layer + overhead.file


def _read(model: Path) -> onnx.GraphProto:
    """Read the graph of a file without weights, and add the shapes of all tensors."""
    graph = onnx.shape_inference.infer_shapes(load_without_weights(model)).graph
    known = {value.name for value in (*graph.value_info, *graph.output) if _is_known(value)}
    if any(name not in known for node in graph.node for name in node.output if name):
        del graph.value_info[:]
        graph.value_info.extend(_shapes_of_a_run(model))
    return graph


def _is_known(value: onnx.ValueInfoProto) -> bool:
    kind = value.type.tensor_type
    return kind.HasField("shape") and all(size.dim_value > 0 for size in kind.shape.dim)


def _shapes_of_a_run(model: Path) -> list[onnx.ValueInfoProto]:
    """Run a network on a blank image; sizes that follow from computed numbers, as in padding, are known only then."""
    import onnxruntime

    network = onnx.load(model)
    outputs = {value.name for value in network.graph.output}
    names = [name for node in network.graph.node for name in node.output if name]
    network.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in outputs)
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    image = {source.name: np.zeros(source.shape, np.float32) for source in session.get_inputs()}
    return [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, np.shape(value))
        for name, value in zip(names, session.run(names, image), strict=True)
    ]


def _layers(graph: onnx.GraphProto) -> Iterator[list[int]]:
    """Yield the shape of the weights of each layer, output channels first; equal weights are stored once in ONNX."""
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    shapes |= {
        node.output[0]: list(attribute.t.dims)
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
    }
    same = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}
    for node in graph.node:
        for name in node.input if node.op_type not in ("Identity", "Reshape", "Pad") else ():
            shape = shapes.get(same.get(name, name), [])
            if node.op_type in ("MatMul", "ConvTranspose") and len(shape) > 1:
                yield [shape[1], shape[0], *shape[2:]]
            elif len(shape) > 1 or (node.op_type == "BatchNormalization" and name == node.input[1]):
                yield shape
