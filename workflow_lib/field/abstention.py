"""When a model abstains: the probability that its most probable class must reach, for a given share of errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflow_lib.core.errors import UserError
from workflow_lib.field.json_reader import Reader, are_numbers

DONT_KNOW = "don't know"
"""Name of the class of windows for which the model abstains; its number follows those of the model's classes."""

NO_CLASS = 255
"""Number of windows without data in maps of classes."""


@dataclass(frozen=True)
class Choice:
    """A threshold and what it means for validation chips.

    Attributes:
        threshold: probability of the most probable class below which the model abstains.
        decided_pct: share of the chips that are decided (percent).
        error_pct: error of the decided chips (percent).
        error_high_pct: upper end of this error, for all thresholds at once with 95 % confidence (percent).
    """

    threshold: float
    decided_pct: float
    error_pct: float
    error_high_pct: float


def read_choices(output: Reader) -> list[Choice]:
    """Read the thresholds of the section `output` of a `bundle.json`; none in bundles that do not state them.

    Raises:
        WrongValueError: if a value is wrong.
    """
    if "selection" not in output:
        return []
    selection = output.section("selection")
    thresholds = selection.take("threshold", lambda value: _are_within(value, 1), "numbers from 0 to 1")
    shares = [
        selection.take(
            name,
            lambda value: _are_within(value, 100) and len(value) == len(thresholds),
            f"{len(thresholds)} numbers from 0 to 100",
        )
        for name in ("decided_pct", "error_pct", "error_high_pct")
    ]
    return [Choice(*row) for row in zip(thresholds, *shares, strict=True)]


def _are_within(value: Any, highest: float) -> bool:
    return are_numbers(value) and all(0 <= part <= highest for part in value)


def choose_threshold(choices: Sequence[Choice], max_error_pct: float) -> Choice:
    """Choose the lowest threshold that keeps the error of decided chips below a bound, with 95 % confidence.

    Args:
        choices: the thresholds of the bundle.
        max_error_pct: the bound (percent).

    Raises:
        UserError: if no threshold does.
    """
    if not choices:
        raise UserError("the bundle does not state how sure its model must be", "--max-error-pct", "deploy it again")
    good = [choice for choice in choices if choice.error_high_pct <= max_error_pct]
    if not good:
        best = min(choices, key=lambda choice: choice.error_high_pct)
        raise UserError(
            f"no threshold keeps the error below {max_error_pct:g} % with 95 % confidence; the best is "
            f"{best.error_high_pct:.2f} %, from a probability of {best.threshold:g}",
            "--max-error-pct",
            "allow more errors, or validate the model on more chips",
        )
    return min(good, key=lambda choice: choice.threshold)
