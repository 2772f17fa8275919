"""A trained network in another precision: its file, and its predictions for the chips of a dataset."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from torch import nn

from workflow_lib.core.candidate import Precision
from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.core.errors import UserError
from workflow_lib.core.sealed import DamagedFileError
from workflow_lib.data.dataset import ChipView, Dataset, Rows
from workflow_lib.export.precision_files import calibration_chips, write_precisions
from workflow_lib.field.int8_network import network_for_int8
from workflow_lib.latency.runtimes import OnnxRuntime
from workflow_lib.models.modules import to_module
from workflow_lib.training.checkpoint import load_tensors
from workflow_lib.training.metrics import predictions, score


def load_network(dataset: Dataset, channels: int, architecture: str, weights: Path) -> nn.Module:
    """Build a network with the weights of a training.

    Args:
        dataset: the imported chips.
        channels: number of input channels.
        architecture: id of the network.
        weights: file written by train_fold.

    Raises:
        UserError: if there is no such file.
        DamagedFileError: if it does not hold weights of the network.
    """
    network = to_module(architecture, channels, len(dataset.classes))
    try:
        network.load_state_dict(load_tensors(weights))
    except FileNotFoundError:
        raise UserError("no such file", weights, "train again with keep_weights: true") from None
    except RuntimeError as error:
        raise DamagedFileError(weights, f"does not hold weights of {architecture} ({error})") from None
    return network


def logits_of_file(model: Path, view: ChipView, rows: Rows) -> NDArray[np.float32]:
    """Run an ONNX file on chips, one at a time.

    Args:
        model: the ONNX file.
        view: the chips, normalised, with the model's channels.
        rows: (n,) row numbers of the chips to classify.

    Returns:
        (n, classes) logits.

    Raises:
        UserError: if a logit is not finite.
    """
    session = OnnxRuntime().session(model)
    name = session.get_inputs()[0].name
    logits = []
    for row in rows:
        chip = np.ascontiguousarray(np.moveaxis(view.batch(np.array([row])), -1, 1))
        logits.append(session.run(None, {name: chip})[0][0])
        if not np.isfinite(logits[-1]).all():
            raise UserError("its logits are not finite", model.name, "remove its precision from the configuration")
    return np.array(logits, dtype=np.float32)


def accuracy_pct(model: Path, view: ChipView, rows: Rows, labels: Rows) -> float:
    """Measure the share of chips that an ONNX file classifies correctly (percent); see `logits_of_file`.

    Args:
        labels: (chips,) class numbers of all chips.
    """
    return float(100 * (logits_of_file(model, view, rows).argmax(axis=1) == labels[rows]).mean())


def write_converted(
    network: nn.Module,
    view: ChipView,
    training: Rows,
    labels: Rows,
    precisions: Sequence[str],
    conversion: ConversionConfig,
    seed: int,
    folder: Path,
) -> dict[str, Path]:
    """Write a trained network in several precisions; int8 comes from `network_for_int8`.

    Args:
        network: the trained network.
        view: the chips as the network receives them.
        training: (n,) rows of the chips that the network was trained on.
        labels: (chips,) class numbers of all chips.
        precisions: fp32 first, then others.
        conversion: how networks are converted to int8.
        seed: seed of the choice of chips.
        folder: folder for the files; created if missing.

    Returns:
        The file of each precision; see `export.precision_files.write_precisions`.
    """
    chips = calibration_chips(view, training, conversion.calibration_chips, seed)
    files = write_precisions(network, chips, precisions, folder)

    def accuracy_of(candidate: nn.Module, precision: str, rows: Rows) -> float:
        with TemporaryDirectory() as scratch:
            made = write_precisions(candidate, chips, list(dict.fromkeys(["fp32", precision])), Path(scratch))
            return accuracy_pct(made[precision], view, rows, labels)

    if "int8" in files:
        chosen = network_for_int8(network, view, training, labels, chips, conversion, seed, accuracy_of)
        if chosen is not network:
            with TemporaryDirectory() as scratch:
                made = write_precisions(chosen, chips, ["fp32", "int8"], Path(scratch))
                shutil.copyfile(made["int8"], files["int8"])
    return files


def score_converted(
    dataset: Dataset,
    channels: Sequence[str],
    network: nn.Module,
    precision: Precision,
    training: Rows,
    validation: Rows,
    conversion: ConversionConfig,
    seed: int,
    kept: Path | None = None,
) -> dict[str, Any]:
    """Convert a trained network to another precision, and score the file on validation chips.

    Args:
        dataset: the imported chips.
        channels: bands and indices that the network receives, in order.
        network: the trained network.
        precision: fp16 or int8.
        training: (n,) rows of the chips that the network was trained on; int8 is calibrated on some of them.
        validation: (m,) rows of the chips to score.
        conversion: how networks are converted to int8.
        seed: seed of the choice of chips.
        kept: where the scored ONNX file is kept; None: nowhere.

    Returns:
        The columns SCORES and PREDICTED of TRAINING.
    """
    view = dataset.view(channels, training)
    with TemporaryDirectory() as scratch:
        wanted = ["fp32", precision]
        files = write_converted(network, view, training, dataset.labels, wanted, conversion, seed, Path(scratch))
        probabilities = softmax(logits_of_file(files[precision], view, validation), axis=1)
        if kept:
            shutil.copyfile(files[precision], kept)
    scores = score(dataset.labels[validation], probabilities, dataset.regions[validation])
    print(f"{precision}: accuracy {scores['accuracy_pct']:.2f} % on {len(validation)} chips", file=sys.stderr)
    return scores | predictions(validation, probabilities)
