"""Conversion of ONNX files to lower precision: half-precision floats and 8-bit integers."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16

from workflow_lib.core.files import atomic_path

_NOISY_IMAGES = 2
"""Number of images of noise that calibrate an untrained layer."""


def to_precision(model: Path, precision: str, calibration: NDArray[np.float32], output: Path) -> None:
    """Convert an exported network to another precision; its input and output stay float32.

    Args:
        model: ONNX file from `export_deployed`.
        precision: fp16 or int8.
        calibration: (chips, channels, height, width) normalised training chips; int8 derives the ranges of
            activations from them.
        output: the file to write, atomically.
    """
    with atomic_path(output) as temporary:
        if precision == "fp16":
            onnx.save(convert_float_to_float16(onnx.load(model), keep_io_types=True), temporary)
        else:
            name = onnx.load(model).graph.input[0].name
            _quantize(model, [{name: chip[None]} for chip in calibration], temporary)


def convert_part(model: onnx.ModelProto, precision: str) -> onnx.ModelProto:
    """Convert one untrained layer of a network to another precision, calibrated on noise.

    Args:
        model: the layer as a network of its own; its inputs and its output are float32.
        precision: fp16 or int8.

    Returns:
        The layer, with the inputs and output that it has inside a converted network: unsigned integers in int8, except
        for a ReLU on its own, which ONNX Runtime does not quantize; float32 in fp16, because ONNX Runtime computes in
        float32 on processors without fp16, and converts only at the ends of a network.
    """
    if precision == "fp16":
        half: onnx.ModelProto = convert_float_to_float16(model, keep_io_types=True)
        return half
    generator = np.random.default_rng(0)
    shapes = {value.name: [size.dim_value for size in value.type.tensor_type.shape.dim] for value in model.graph.input}
    noise = [
        {name: generator.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()}
        for _ in range(_NOISY_IMAGES)
    ]
    with TemporaryDirectory() as scratch:
        plain, quantized = Path(scratch, "fp32.onnx"), Path(scratch, "int8.onnx")
        onnx.save(model, plain)
        # A pooling is only quantized behind a quantized layer, which a part of a network lacks.
        _quantize(plain, noise, quantized, {"ForceQuantizeNoInputCheck": True})
        return _with_integer_borders(onnx.load(quantized))


def _with_integer_borders(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove the quantization of a network's inputs and the dequantization of its output."""
    graph = model.graph
    ends = {value.name: value for value in (*graph.input, *graph.output)}
    for node in list(graph.node):
        if node.op_type == "QuantizeLinear" and node.input[0] in ends:
            value, name = ends[node.input[0]], node.output[0]
        elif node.op_type == "DequantizeLinear" and node.output[0] in ends:
            value, name = ends[node.output[0]], node.input[0]
        else:
            continue
        value.name, value.type.tensor_type.elem_type = name, onnx.TensorProto.UINT8
        graph.node.remove(node)
    return model


class _Images(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    def __init__(self, images: Sequence[dict[str, NDArray[np.float32]]]) -> None:
        self._images = iter(images)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._images, None)


def _quantize(
    model: Path,
    images: Sequence[dict[str, NDArray[np.float32]]],
    output: Path,
    extra_options: Mapping[str, Any] | None = None,
) -> None:
    logging.getLogger().setLevel(logging.ERROR)  # it recommends the preprocessing that is done below
    with TemporaryDirectory() as scratch:
        plain = Path(scratch, "plain.onnx")
        # Without this, tensors shared by two layers (such as equal biases) would stay floats.
        quant_pre_process(str(model), str(plain), skip_symbolic_shape=True)
        quantize_static(
            str(plain),
            str(output),
            _Images(images),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # 7-bit weights: on processors without VNNI, the sum of two 8-bit products would overflow.
            reduce_range=True,
            extra_options=dict(extra_options or {}),
        )
