"""Trained networks as ONNX files, in each precision."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from workflow_lib.data.dataset import ChipView, Rows
from workflow_lib.export.onnx_files import export_deployed
from workflow_lib.export.onnx_precision import to_precision


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
