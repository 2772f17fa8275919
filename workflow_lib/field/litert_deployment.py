"""The deployed network as LiteRT files, compared with its ONNX file on chips."""

import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from torch import nn

from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import Dataset, Rows
from workflow_lib.export.litert_files import to_litert
from workflow_lib.export.litert_quantizer import quantize
from workflow_lib.export.precision_files import calibration_chips
from workflow_lib.field.converted_network import logits_of_file
from workflow_lib.field.int8_network import network_for_int8
from workflow_lib.latency.litert_runtime import LiteRt

_MAX_COMPARED: Final = 256


def deploy_litert(
    dataset: Dataset,
    channels: Sequence[str],
    network: nn.Module,
    model: Path,
    precisions: Sequence[Any],
    conversion: ConversionConfig,
    seed: int,
) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Convert the deployed network to LiteRT files.

    Args:
        dataset: the imported chips; the network was trained on all of them.
        channels: bands and indices that the network receives, in order.
        network: the deployed network.
        model: its float32 ONNX file.
        precisions: fp32, fp16, dynamic or int8 for each file; see `export.litert_quantizer.quantize`.
        conversion: how the network is converted to int8.
        seed: base seed of the run.

    Yields:
        The content of each file, and its row of LITERT_FILES without the candidate.
    """
    rows = np.arange(len(dataset.chips))
    view = dataset.view(channels, rows)
    conversion_seed = derive_seed(seed, "deploy_litert", "int8")
    chips = calibration_chips(view, rows, conversion.calibration_chips, conversion_seed)
    compared = np.sort(np.random.default_rng(derive_seed(seed, "deploy_litert")).permutation(rows)[:_MAX_COMPARED])
    images, expected = view.batch(compared), logits_of_file(model, view, compared)

    @cache  # one conversion takes seconds, and each precision starts from it
    def to_float(candidate: nn.Module) -> bytes:
        return to_litert(candidate, len(channels), images.shape[1])

    def convert(candidate: nn.Module, precision: Any) -> bytes:
        plain = to_float(candidate)
        return plain if precision == "fp32" else quantize(plain, precision, np.moveaxis(chips, 1, -1))

    def accuracy_pct(candidate: nn.Module, precision: str, judged: Rows) -> float:
        logits = _logits(convert(candidate, precision), view.batch(judged))
        return float(100 * (logits.argmax(axis=1) == dataset.labels[judged]).mean())

    for precision in precisions:
        source = network
        if precision == "int8":
            source = network_for_int8(
                network, view, rows, dataset.labels, chips, conversion, conversion_seed, accuracy_pct
            )
        content = convert(source, precision)
        found = _logits(content, images)
        row = {
            "precision": precision,
            "file_bytes": len(content),
            "compared_chips": len(images),
            "logit_range": float(np.ptp(expected)),
            "largest_difference": float(np.abs(found - expected).max()),
            "agreement_pct": float(100 * (found.argmax(axis=1) == expected.argmax(axis=1)).mean()),
        }
        print(f"deploy_litert: {precision}: agrees on {row['agreement_pct']:.1f} % of the chips", file=sys.stderr)
        yield content, row


def _logits(content: bytes, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Run a LiteRT file on (n, height, width, channels) images; return (n, classes) logits."""
    runtime = LiteRt()
    loaded = runtime.interpreter(content)
    return np.concatenate([runtime.classify(loaded, image) for image in images])
