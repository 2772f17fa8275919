"""Export of networks in lower precision: half-precision floats and 8-bit integers."""

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
    """Draw training chips for the calibration of int8 activations.

    Args:
        view: the chips as the network receives them, normalised.
        training: (n,) rows of the training chips.
        count: number of chips; all if there are fewer.
        seed: seed of the draw.

    Returns:
        (chips, channels, height, width) float32.
    """
    chosen_rows = np.random.default_rng(seed).permutation(training)[:count]
    return np.ascontiguousarray(np.moveaxis(view.batch(np.sort(chosen_rows)), -1, 1))


def write_precisions(
    network: nn.Module, calibration: NDArray[np.float32], precisions: Sequence[str], folder: Path
) -> dict[str, Path]:
    """Write a network in several precisions.

    Args:
        network: trained network.
        calibration: (chips, channels, height, width) training chips from `calibration_chips`.
        precisions: fp32 first, then others.
        folder: folder for the files; created if missing.

    Returns:
        The file of each precision: `model.onnx` for fp32, `model_int8.onnx` for int8, and so on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _, channels, size_px, _ = calibration.shape
    files = {name: folder / ("model.onnx" if name == "fp32" else f"model_{name}.onnx") for name in precisions}
    export_deployed(network, channels, size_px, files["fp32"])
    for name in precisions[1:]:
        to_precision(files["fp32"], name, calibration, files[name])
    return files


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
            _quantize(model, calibration, temporary)


class _Chips(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    def __init__(self, name: str, chips: NDArray[np.float32]) -> None:
        self._chips: Iterator[NDArray[np.float32]] = iter(chips)
        self._name = name

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        chip = next(self._chips, None)
        return None if chip is None else {self._name: chip[None]}


def _quantize(model: Path, calibration: NDArray[np.float32], output: Path) -> None:
    logging.getLogger().setLevel(logging.ERROR)  # it recommends the preprocessing that is done below
    with TemporaryDirectory() as scratch:
        plain = Path(scratch, "plain.onnx")
        # Without this, tensors shared by two layers (such as equal biases) would stay floats.
        quant_pre_process(str(model), str(plain), skip_symbolic_shape=True)
        quantize_static(
            str(plain),
            str(output),
            _Chips(onnx.load(model).graph.input[0].name, calibration),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # 7-bit weights: on processors without VNNI, the sum of two 8-bit products would overflow.
            reduce_range=True,
        )
