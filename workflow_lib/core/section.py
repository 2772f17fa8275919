"""What all sections of the configuration share."""

import re
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator

NAME = r"[A-Za-z0-9][A-Za-z0-9_.]*"
"""What a region, class, channel set, device or run may be called: it becomes a file name."""


def _check_name(text: str) -> str:
    if not re.fullmatch(NAME, text):
        raise ValueError(f"{text!r} is no name: letters, digits, dots and underscores only")
    return text


def _check_distinct(values: list[Any]) -> list[Any]:
    if len(set(values)) != len(values):
        raise ValueError(f"{values} names a value twice")
    return values


Name = Annotated[str, AfterValidator(_check_name)]
Distinct = AfterValidator(_check_distinct)


def _plain_types(annotation: Any) -> set[Any]:
    """The types of the values that an annotation holds at any depth."""
    inner = get_args(annotation)
    if get_origin(annotation) is Literal:
        return {type(value) for value in inner}
    return set().union(*map(_plain_types, inner)) if inner else {annotation}


def _values_in(value: Any) -> list[Any]:
    parts = value.values() if isinstance(value, dict) else value
    return [inner for part in parts for inner in _values_in(part)] if isinstance(value, list | dict) else [value]


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values cannot change.

    A number is text where text is wanted, so that a run or a class may be called 10. A flag is no number, and digits
    are not grouped by underscores.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, coerce_numbers_to_str=True)

    @field_validator("*", mode="before")
    @classmethod
    def _check_spelling(cls, value: Any, info: ValidationInfo) -> Any:
        wanted = _plain_types(cls.model_fields[info.field_name or ""].annotation)
        if wanted & {int, float} and not wanted & {bool, str}:
            for found in _values_in(value):
                if isinstance(found, bool):
                    raise ValueError(f"{str(found).lower()} is no number")
                if isinstance(found, str) and "_" in found:
                    raise ValueError(f"{found!r} is no number: write its digits without underscores")
        return value
