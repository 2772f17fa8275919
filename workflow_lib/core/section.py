"""What all sections of the configuration share."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

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


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values cannot change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
