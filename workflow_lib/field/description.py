"""The content of `bundle.json`, checked key by key in plain Python: devices have no pydantic."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_lib.core.errors import UserError
from workflow_lib.core.indices import raw_bands
from workflow_lib.field.abstention import Choice, read_choices
from workflow_lib.field.input_contract import BandContract, read_contracts
from workflow_lib.field.json_reader import Reader, WrongValueError, are_numbers, is_number, is_positive, load

PRECISIONS = ("fp32", "fp16", "int8")
STANDALONE_FILES = ("standalone.onnx", "standalone_batch1.onnx", "deepness.onnx")
"""Networks from raw bands to probabilities: for any number of chips, for one, as some runtimes need, and for QGIS."""

METHODS = ("per_chip_band", "per_column", "per_dataset", "none")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]*")
_MAX_SIDE_PX = 4096
_MAX_CLASSES = 254  # maps of classes hold bytes, with one for "don't know" and one for no data
_MAX_RESOLUTION_M = 1e5


@dataclass(frozen=True)
class Description:
    """What a program needs to know about a deployed model.

    Attributes:
        candidate: name of the candidate.
        models: precision -> file name.
        precision: precision of the candidate, which is one of `models`; fp32 in bundles that do not state it.
        size_px: height and width of a chip (pixels).
        channels: the network's input channels (bands and indices), in order.
        bands: bands that scenes must provide.
        resolution_m: side of a chip's pixel on the ground (m); None: unknown.
        resampling: band -> nearest or bilinear.
        max_nodata_pct: maximum share of nodata in any band of a window (percent).
        nodata: values treated as nodata, in addition to those that scenes declare.
        scaled: bands to which the scale and offset of their files were applied.
        contracts: band -> what it looked like in the training chips; empty in bundles that do not state it.
        method: how chips were normalised.
        mean, deviation: one number per channel for `per_dataset`; otherwise None.
        classes: class names, in the order of the outputs.
        background: background class, which is not searched for; None: there is none.
        temperature: divisor of the logits before the softmax; 1 in bundles that do not state it.
        selection: thresholds of abstention; none in bundles that do not state them.
        standalone: files that take raw bands and give probabilities; none in bundles that do not state them.
    """

    candidate: str
    models: Mapping[str, str]
    precision: str
    size_px: int
    channels: Sequence[str]
    bands: Sequence[str]
    resolution_m: float | None
    resampling: Mapping[str, str]
    max_nodata_pct: float
    nodata: Sequence[float]
    scaled: Sequence[str]
    contracts: Mapping[str, BandContract]
    method: str
    mean: Sequence[float] | None
    deviation: Sequence[float] | None
    classes: Sequence[str]
    background: str | None
    temperature: float
    selection: Sequence[Choice]
    standalone: Sequence[str]

    @classmethod
    def parse(cls, text: bytes, where: Path) -> "Description":
        """Read and check the content of a `bundle.json`.

        Args:
            text: the file's content.
            where: the file, for error messages.

        Raises:
            UserError: if a key is wrong; names the first one, its value and what is expected.
        """
        try:
            return _read(Reader(load(text)))
        except WrongValueError as error:
            raise UserError(str(error), where, "copy the bundle again") from None


def _read(top: Reader) -> Description:
    models = top.take("models", _are_models, "a file for fp32, and optionally for fp16 and int8")
    given, norm, output = (top.section(name) for name in ("input", "normalisation", "output"))
    channels = given.take("channels", _are_names, "a list of distinct names")
    count = len(channels)
    shape = given.take("shape", lambda value: _is_shape(value, count), f"[1, {count}, side, side]")
    bands = raw_bands(channels)
    given.take("bands", lambda value: value == bands, f"{json.dumps(bands)}, the bands of the channels")
    method = norm.take("method", lambda value: value in METHODS, f"one of {', '.join(METHODS)}")
    scaled = method == "per_dataset"
    mean, deviation = (_take_scaling(norm, key, count if scaled else None) for key in ("mean", "deviation"))
    classes = output.take(
        "classes", lambda value: _are_names(value) and 2 <= len(value) <= _MAX_CLASSES, "a list of distinct names"
    )
    return Description(
        candidate=top.take("candidate", lambda value: isinstance(value, str), "a string"),
        models=models,
        precision=top.get(
            "precision", lambda value: isinstance(value, str) and value in models, "one of the models", otherwise="fp32"
        ),
        size_px=shape[2],
        channels=channels,
        bands=bands,
        resolution_m=given.take("resolution_m", _is_resolution, "a positive number of metres, or null"),
        resampling=given.take("resampling", lambda value: _is_resampling(value, bands), "a method for each band"),
        max_nodata_pct=given.take(
            "max_nodata_pct", lambda value: is_number(value) and 0 <= value < 100, "0 to below 100"
        ),
        nodata=given.take("nodata", lambda value: are_numbers(value), "a list of numbers"),
        scaled=given.take(
            "scaled", lambda value: isinstance(value, list) and all(band in bands for band in value), "a list of bands"
        ),
        contracts=read_contracts(given, bands),
        method=method,
        mean=mean,
        deviation=deviation,
        classes=classes,
        background=output.take("background", lambda value: value is None or value in classes, "a class, or null"),
        temperature=output.get("temperature", is_positive, "a positive number", otherwise=1.0),
        selection=read_choices(output),
        standalone=top.get(
            "standalone",
            lambda value: isinstance(value, list) and all(name in STANDALONE_FILES for name in value),
            f"some of {', '.join(STANDALONE_FILES)}",
            otherwise=(),
        ),
    )


def _take_scaling(norm: Reader, key: str, count: int | None) -> list[float] | None:
    """Read one number per channel, or null if `count` is None; deviations must be positive."""
    if count is None:
        norm.take(key, lambda value: value is None, "null")
        return None
    above = 0.0 if key == "deviation" else -math.inf
    numbers: list[float] = norm.take(key, lambda value: are_numbers(value, count, above), f"{count} numbers")
    return numbers


def _are_names(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(name, str) and _NAME.fullmatch(name) for name in value)
        and len(set(value)) == len(value)
    )


def _is_shape(value: Any, channels: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(type(side) is int for side in value)
        and value[:2] == [1, channels]
        and value[2] == value[3]
        and 1 <= value[2] <= _MAX_SIDE_PX
    )


def _is_resolution(value: Any) -> bool:
    return value is None or (is_number(value) and 0 < value <= _MAX_RESOLUTION_M)


def _is_resampling(value: Any, bands: Sequence[str]) -> bool:
    return (
        isinstance(value, dict)
        and set(bands) <= set(value)
        and all(method in ("nearest", "bilinear") for method in value.values())
    )


def _are_models(value: Any) -> bool:
    names = {precision: "model.onnx" if precision == "fp32" else f"model_{precision}.onnx" for precision in PRECISIONS}
    return isinstance(value, dict) and "fp32" in value and all(names.get(key) == file for key, file in value.items())
