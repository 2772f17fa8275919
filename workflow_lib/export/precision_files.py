"""Networks in smaller numbers: half-precision floats, and 8-bit integers."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16
from torch import nn

from workflow_lib.core.files import atomic_path
from workflow_lib.data.dataset import ChipView, Rows
from workflow_lib.export.onnx_files import export_deployed


def calibration_chips(view: ChipView, training: Rows, count: int, seed: int) -> NDArray[np.float32]:
    """Draw training chips as a network sees them: (chips, channels, height, width)."""
    drawn = np.random.default_rng(seed).permutation(training)[:count]
    return np.ascontiguousarray(np.moveaxis(view.batch(np.sort(drawn)), -1, 1))


def write_precisions(
    network: nn.Module, calibration: NDArray[np.float32], precisions: Sequence[str], folder: Path
) -> dict[str, Path]:
    """Write a network in several precisions: precision -> file, `model.onnx`, `model_int8.onnx` and so on.

    Args:
        network: trained.
        calibration: of `calibration_chips`.
        precisions: fp32 first, then others.
        folder: where they are put; it is made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _, channels, size_px, _ = calibration.shape
    files = {name: folder / ("model.onnx" if name == "fp32" else f"model_{name}.onnx") for name in precisions}
    export_deployed(network, channels, size_px, files["fp32"])
    for name in precisions[1:]:
        to_precision(files["fp32"], name, calibration, files[name])
    return files


def to_precision(model: Path, precision: str, calibration: NDArray[np.float32], output: Path) -> None:
    """Write a network again in another precision; its input and output stay float32.

    Args:
        model: ONNX file of `export_deployed`.
        precision: fp16 or int8.
        calibration: (chips, channels, height, width) inputs as the network sees them, of training chips alone: int8
            takes the ranges of activations from them.
        output: the file to write, atomically.
    """
    with atomic_path(output) as temporary:
        if precision == "fp16":
            onnx.save(convert_float_to_float16(onnx.load(model), keep_io_types=True), temporary)
        else:
            _quantize(model, calibration, temporary)


class _Chips(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    def __init__(self, name: str, chips: NDArray[np.float32]) -> None:
        self._chips: Iterator[NDArray[np.float32]] = iter(chips)
        self._name = name

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        chip = next(self._chips, None)
        return None if chip is None else {self._name: chip[None]}


def _quantize(model: Path, calibration: NDArray[np.float32], output: Path) -> None:
    logging.getLogger().setLevel(logging.ERROR)  # it advises what is done here
    with TemporaryDirectory() as scratch:
        plain = Path(scratch, "plain.onnx")
        # Tensors that two layers share, as equal biases are, would stay floats.
        quant_pre_process(str(model), str(plain), skip_symbolic_shape=True)
        quantize_static(
            str(plain),
            str(output),
            _Chips(onnx.load(model).graph.input[0].name, calibration),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # Weights of 7 bits: on processors without VNNI, sums of two products of 8 bits would overflow.
            reduce_range=True,
        )
