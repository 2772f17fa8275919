"""Read checked values from JSON in plain Python: devices have no pydantic."""

import json
import math
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

_MAX_BYTES = 1 << 20


class WrongValueError(ValueError):
    """A key of the file is missing or its value is wrong."""


def load(text: bytes) -> Any:
    """Parse JSON; duplicate keys, constants such as NaN and large files are refused.

    Raises:
        WrongValueError: if it cannot be parsed.
    """
    if len(text) > _MAX_BYTES:
        raise WrongValueError(f"is larger than {_MAX_BYTES} bytes")
    try:
        return json.loads(text.decode(), object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant)
    except WrongValueError:
        raise
    except (ValueError, RecursionError) as error:
        raise WrongValueError(f"is not valid JSON ({error})") from None


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if duplicates := [name for name in names if names.count(name) > 1]:
        raise WrongValueError(f"contains the key {duplicates[0]} twice")
    return dict(pairs)


def _refuse_constant(text: str) -> float:
    raise WrongValueError(f"contains {text}, which is not a finite number")


class Reader:
    """Reads checked values from a JSON object.

    Args:
        values: the parsed object.
        path: keys that lead to it, each with a dot, for error messages.
    """

    def __init__(self, values: Any, path: str = "") -> None:
        if not isinstance(values, dict):
            raise WrongValueError(f"{path.rstrip('.') or 'its content'} is not a JSON object")
        self._values, self._path = values, path

    def __contains__(self, key: str) -> bool:
        return key in self._values

    @property
    def keys(self) -> list[str]:
        """The keys of the object, in order."""
        return list(self._values)

    def section(self, key: str) -> "Reader":
        """Return the reader of an object within this one."""
        return Reader(self._values.get(key), f"{self._path}{key}.")

    def take(self, key: str, is_valid: Callable[[Any], bool], expected: str) -> Any:
        """Return the value of a key after checking it.

        Raises:
            WrongValueError: if it is missing or not valid.
        """
        value = self._values.get(key)
        if not is_valid(value):
            problem = f"is {json.dumps(value)[:80]}" if key in self._values else "is missing"
            raise WrongValueError(f"{self._path}{key} {problem}; expected {expected}")
        return value

    def get(self, key: str, is_valid: Callable[[Any], bool], expected: str, otherwise: Any) -> Any:
        """Return the value of a key that may be missing, after checking it."""
        return self.take(key, is_valid, expected) if key in self._values else otherwise


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def is_positive(value: Any) -> bool:
    """Whether a value is a positive number."""
    return is_number(value) and value > 0


def are_numbers(value: Any, count: int | None = None, above: float = -math.inf) -> bool:
    """Whether a value is a list of `count` (None: any) numbers above a bound."""
    return (
        isinstance(value, list)
        and count in (None, len(value))
        and all(is_number(part) and part > above for part in value)
    )


def are_ascending(value: Any) -> bool:
    """Whether a value is a list of two or more numbers, none smaller than the one before."""
    return are_numbers(value) and len(value) > 1 and _is_sorted(value)


def _is_sorted(values: Sequence[float]) -> bool:
    return all(first <= second for first, second in pairwise(values))
