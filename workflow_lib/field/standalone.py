"""The standalone files of a bundle: raw bands in, calibrated probabilities out, for ONNX Runtime alone."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

from workflow_lib import SOFTWARE
from workflow_lib.core.files import atomic_path
from workflow_lib.core.indices import raw_bands
from workflow_lib.data.dataset import ChipView, Dataset
from workflow_lib.export.raw_network import INPUT, Preparation, ToProbabilities, to_raw_network
from workflow_lib.export.symbolic_batch import with_symbolic_batch
from workflow_lib.field.description import STANDALONE_FILES
from workflow_lib.latency.runtimes import OnnxRuntime

_SEVERAL, _ONE, _DEEPNESS = STANDALONE_FILES
_LARGEST_DIFFERENCE: Final = 1e-5
# What the plugin divides all values by, whatever their range.
_DEEPNESS_DIVISOR: Final = 255.0
_DEEPNESS_OVERLAP_PCT: Final = 50


def write_standalone(model: Path, description: Mapping[str, Any], folder: Path) -> None:
    """Write a network with everything around it: for any number of chips, for one chip, and for Deepness in QGIS.

    A network of the user may compute with the number of chips in a way that cannot be changed after its export. Then
    all files take one chip, and their metadata say so.

    Args:
        model: ONNX file of the network, for one chip.
        description: content of the bundle's `bundle.json`.
        folder: folder of the bundle, which receives the files.
    """
    normalisation, given = description["normalisation"], description["input"]
    preparation = Preparation(
        given["bands"], given["channels"], normalisation["method"], normalisation["mean"], normalisation["deviation"]
    )
    temperature, side_px = description["output"]["temperature"], given["shape"][2]

    def write(network: onnx.ModelProto, file: str, chips: int | str) -> None:
        told = metadata(description) | {"chips": json.dumps(chips)}
        _save(to_raw_network(network, preparation, ToProbabilities(temperature), told), folder / file)

    one = onnx.load(model)
    several = with_symbolic_batch(one)
    write(one, _ONE, 1)
    write(several, _SEVERAL, "any")
    if not _same_probabilities(folder, (2, len(given["bands"]), side_px, side_px)):
        print(f"{_SEVERAL} takes one chip, because the network fixes the number of chips", file=sys.stderr)
        several = one
        write(one, _SEVERAL, 1)
    divided, maps = replace(preparation, divisor=_DEEPNESS_DIVISOR), ToProbabilities(temperature, side_px)
    _save(to_raw_network(several, divided, maps, deepness_metadata(description)), folder / _DEEPNESS)


def write_scored_network(
    model: Path, dataset: Dataset, view: ChipView, channels: Sequence[str], told: Mapping[str, Any], file: Path
) -> None:
    """Write a network that was scored on held-out chips with everything around it, for one chip.

    Its probabilities are not calibrated.

    Args:
        model: ONNX file of the network, for one chip.
        dataset: the imported chips.
        view: the chips as the network receives them.
        channels: bands and indices that the network receives, in order.
        told: what the file tells about itself, in addition to its input and output.
        file: the file to write, atomically.
    """
    scaling, bands = view.scaling, raw_bands(channels)
    mean, deviation = (None, None) if scaling is None else (scaling.mean.tolist(), scaling.deviation.tolist())
    preparation = Preparation(bands, channels, dataset.normalisation, mean, deviation)
    values = {
        **told,
        "chips": 1,
        "bands": bands,
        "bands_meaning": _meaning(band for band in bands if band in dataset.scaled_bands),
        "chip_size_px": int(dataset.pixels.shape[1]),
        "classes": list(dataset.classes),
        "software": SOFTWARE,
    }
    texts = {key: json.dumps(value) for key, value in values.items()}
    _save(to_raw_network(onnx.load(model), preparation, ToProbabilities(1.0), texts), file)


def chips_at_once(folder: Path) -> int:
    """Return the number of chips that the standalone file of a bundle takes; -1: any number."""
    first = onnx.load(folder / _SEVERAL).graph.input[0].type.tensor_type.shape.dim[0]
    return first.dim_value if first.HasField("dim_value") else -1


def _save(network: onnx.ModelProto, file: Path) -> None:
    with atomic_path(file) as temporary:
        onnx.save(network, temporary)


def deepness_metadata(description: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata that the QGIS plugin Deepness reads, as JSON by key.

    Args:
        description: content of `bundle.json`.

    Source: documentation of Deepness, "Model metadata"; its `processing/models/model_base.py`.
    """
    given, output = description["input"], description["output"]
    values = {
        "model_type": "Segmentor",
        "class_names": {str(number): name for number, name in enumerate(output["classes"])},
        "tile_size": given["shape"][2],
        "tiles_overlap": _DEEPNESS_OVERLAP_PCT,
        "bands": given["bands"],
    }
    if given["resolution_m"] is not None:
        values["resolution"] = 100 * given["resolution_m"]  # cm
    return {key: json.dumps(value) for key, value in values.items()}


def metadata(description: Mapping[str, Any]) -> dict[str, str]:
    """Return what a standalone file tells about itself, as JSON by key.

    Args:
        description: content of `bundle.json`.
    """
    given, output = description["input"], description["output"]
    values = {
        "candidate": description["candidate"],
        "architecture": description["architecture"],
        "precision": description["precision"],
        "bands": given["bands"],
        "bands_meaning": _meaning(given["scaled"]),
        "units": given["units"],
        "chip_size_px": given["shape"][2],
        "resolution_m": given["resolution_m"],
        "classes": output["classes"],
        "background": output["background"],
        "temperature": output["temperature"],
        "training_regions": description["training"]["regions"],
        "value_ranges": {band: [part["minimum"], part["maximum"]] for band, part in given["contract"].items()},
        "data_types": {band: part["data_type"] for band, part in given["contract"].items()},
        "expected": description["expected"],
        "licence": description["licence"],
        "software": SOFTWARE,
    }
    return {key: json.dumps(value) for key, value in values.items()}


def _meaning(scaled: Iterable[str]) -> str:
    return (
        "raw values in this order; missing values are NaN; scale and offset of the files are applied to "
        f"{', '.join(scaled) or 'no band'}"
    )


def _same_probabilities(folder: Path, shape: tuple[int, ...]) -> bool:
    """Whether both files give the same probabilities for several chips."""
    chips = np.random.default_rng(0).random(shape, dtype=np.float32)
    single = np.concatenate([_run(folder / _ONE, chip[None]) for chip in chips])
    try:
        several = _run(folder / _SEVERAL, chips)
    except Exception:  # ONNX Runtime's exceptions have no common public base class
        return False
    return several.shape == single.shape and np.allclose(several, single, rtol=0, atol=_LARGEST_DIFFERENCE)


def _run(file: Path, chips: NDArray[np.float32]) -> NDArray[np.float32]:
    probabilities: NDArray[np.float32] = OnnxRuntime().session(file).run(None, {INPUT: chips})[0]
    return probabilities
