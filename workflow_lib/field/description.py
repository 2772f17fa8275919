"""The content of `bundle.json`, checked key by key in plain Python: devices have no pydantic."""

import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_lib.core.errors import UserError
from workflow_lib.core.indices import INDICES

PRECISIONS = ("fp32", "fp16", "int8")
METHODS = ("per_chip_band", "per_column", "per_dataset", "none")
MAX_BYTES = 1 << 20

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]*")
_MAX_SIDE_PX = 4096
_MAX_CLASSES = 256
_MAX_RESOLUTION_M = 1e5


@dataclass(frozen=True)
class Description:
    """What a program needs to know about a deployed model.

    Attributes:
        candidate: name of the candidate.
        models: precision -> file name.
        size_px: height and width of a chip (pixels).
        channels: the network's input channels (bands and indices), in order.
        bands: bands that scenes must provide.
        resolution_m: side of a chip's pixel on the ground (m); None: unknown.
        resampling: band -> nearest or bilinear.
        max_nodata_pct: maximum share of nodata in any band of a window (percent).
        nodata: values treated as nodata, in addition to those that scenes declare.
        scaled: bands to which the scale and offset of their files were applied.
        method: how chips were normalised.
        mean, deviation: one number per channel for `per_dataset`; otherwise None.
        classes: class names, in the order of the outputs.
        background: background class, which is not searched for; None: there is none.
        temperature: divisor of the logits before the softmax; 1 in bundles that do not state it.
    """

    candidate: str
    models: Mapping[str, str]
    size_px: int
    channels: Sequence[str]
    bands: Sequence[str]
    resolution_m: float | None
    resampling: Mapping[str, str]
    max_nodata_pct: float
    nodata: Sequence[float]
    scaled: Sequence[str]
    method: str
    mean: Sequence[float] | None
    deviation: Sequence[float] | None
    classes: Sequence[str]
    background: str | None
    temperature: float

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
            return _read(_Reader(_load(text), ""))
        except _WrongValueError as error:
            raise UserError(str(error), where, "copy the bundle again") from None


class _WrongValueError(ValueError):
    """A key of the file is missing or its value is wrong."""


def _load(text: bytes) -> Any:
    if len(text) > MAX_BYTES:
        raise _WrongValueError(f"is larger than {MAX_BYTES} bytes")
    try:
        return json.loads(text.decode(), object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant)
    except _WrongValueError:
        raise
    except (ValueError, RecursionError) as error:
        raise _WrongValueError(f"is not valid JSON ({error})") from None


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if duplicates := [name for name in names if names.count(name) > 1]:
        raise _WrongValueError(f"contains the key {duplicates[0]} twice")
    return dict(pairs)


def _refuse_constant(text: str) -> float:
    raise _WrongValueError(f"contains {text}, which is not a finite number")


class _Reader:
    """Reads checked values from a JSON object."""

    def __init__(self, values: Any, path: str) -> None:
        if not isinstance(values, dict):
            raise _WrongValueError(f"{path.rstrip('.') or 'its content'} is not a JSON object")
        self._values, self._path = values, path

    def section(self, key: str) -> "_Reader":
        return _Reader(self._values.get(key), f"{self._path}{key}.")

    def take(self, key: str, is_valid: Callable[[Any], bool], expected: str) -> Any:
        """Return the value of a key after checking it."""
        value = self._values.get(key)
        if not is_valid(value):
            problem = f"is {json.dumps(value)[:80]}" if key in self._values else "is missing"
            raise _WrongValueError(f"{self._path}{key} {problem}; expected {expected}")
        return value

    def get(self, key: str, is_valid: Callable[[Any], bool], expected: str, otherwise: Any) -> Any:
        """Return the value of a key that may be missing, after checking it."""
        return self.take(key, is_valid, expected) if key in self._values else otherwise


def _read(top: _Reader) -> Description:
    models = top.take("models", _are_models, "a file for fp32, and optionally for fp16 and int8")
    given, norm, output = (top.section(name) for name in ("input", "normalisation", "output"))
    channels = given.take("channels", _are_names, "a list of distinct names")
    count = len(channels)
    shape = given.take("shape", lambda value: _is_shape(value, count), f"[1, {count}, side, side]")
    bands = list(dict.fromkeys(band for name in channels for band in INDICES.get(name, (name,))))
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
        size_px=shape[2],
        channels=channels,
        bands=bands,
        resolution_m=given.take("resolution_m", _is_resolution, "a positive number of metres, or null"),
        resampling=given.take("resampling", lambda value: _is_resampling(value, bands), "a method for each band"),
        max_nodata_pct=given.take(
            "max_nodata_pct", lambda value: _is_number(value) and 0 <= value < 100, "0 to below 100"
        ),
        nodata=given.take("nodata", lambda value: _are_numbers(value), "a list of numbers"),
        scaled=given.take(
            "scaled", lambda value: isinstance(value, list) and all(band in bands for band in value), "a list of bands"
        ),
        method=method,
        mean=mean,
        deviation=deviation,
        classes=classes,
        background=output.take("background", lambda value: value is None or value in classes, "a class, or null"),
        temperature=output.get("temperature", _is_positive, "a positive number", otherwise=1.0),
    )


def _take_scaling(norm: _Reader, key: str, count: int | None) -> list[float] | None:
    """Read one number per channel, or null if `count` is None; deviations must be positive."""
    if count is None:
        norm.take(key, lambda value: value is None, "null")
        return None
    above = 0.0 if key == "deviation" else -math.inf
    numbers: list[float] = norm.take(key, lambda value: _are_numbers(value, count, above), f"{count} numbers")
    return numbers


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _are_numbers(value: Any, count: int | None = None, above: float = -math.inf) -> bool:
    return (
        isinstance(value, list)
        and count in (None, len(value))
        and all(_is_number(part) and part > above for part in value)
    )


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
    return value is None or (_is_number(value) and 0 < value <= _MAX_RESOLUTION_M)


def _is_resampling(value: Any, bands: Sequence[str]) -> bool:
    return (
        isinstance(value, dict)
        and set(bands) <= set(value)
        and all(method in ("nearest", "bilinear") for method in value.values())
    )


def _are_models(value: Any) -> bool:
    names = {precision: "model.onnx" if precision == "fp32" else f"model_{precision}.onnx" for precision in PRECISIONS}
    return isinstance(value, dict) and "fp32" in value and all(names.get(key) == file for key, file in value.items())
