"""The base class of all configuration sections, and how their errors are reported."""

import os
import re
import sys
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from workflow_lib.core.errors import ConfigError

NAME = r"[A-Za-z0-9][A-Za-z0-9_.]*"
"""Pattern of the names of regions, classes, channel sets, devices and runs; they become parts of file names."""


def _check_name(text: str) -> str:
    if not re.fullmatch(NAME, text):
        raise ValueError(
            f"{text!r} is not a valid name: use letters, digits, dots and underscores, and start with a letter or digit"
        )
    return text


def _check_distinct(values: list[Any]) -> list[Any]:
    if len(set(values)) != len(values):
        raise ValueError(f"{values} contains a value twice")
    return values


CHOICE_TAG = "kind:"
"""Prefix of the parts of an error's location that pydantic adds for the chosen `kind` of a section."""

WARNED_VARIABLE = "EDGEFRONT_WARNED"
"""Environment variable with the warnings already printed, because several processes of a run read the configuration."""

Name = Annotated[str, AfterValidator(_check_name)]
Distinct = AfterValidator(_check_distinct)
Budgets = Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1), Distinct]
"""Maximum values of a cost."""


def _plain_types(annotation: Any) -> set[Any]:
    """Return the types of the values that an annotation contains at any depth."""
    inner = get_args(annotation)
    if get_origin(annotation) is Literal:
        return {type(value) for value in inner}
    return set().union(*map(_plain_types, inner)) if inner else {annotation}


def _warn_once(text: str) -> None:
    """Print a warning, unless this process or one of its ancestors has printed it already."""
    printed = os.environ.get(WARNED_VARIABLE, "")
    if text not in printed.split("|"):
        os.environ[WARNED_VARIABLE] = f"{printed}|{text}"
        print(f"warning: config: {text}", file=sys.stderr)


def _values_in(value: Any) -> list[Any]:
    parts = value.values() if isinstance(value, dict) else value
    return [inner for part in parts for inner in _values_in(part)] if isinstance(value, list | dict) else [value]


class Section(BaseModel):
    """A part of the configuration. Unknown keys are errors, and values are immutable.

    A number is accepted where text is expected, so that a run or a class may be called 10. A flag is not accepted as a
    number, and neither are digits grouped by underscores.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, coerce_numbers_to_str=True)

    former_keys: ClassVar[Mapping[str, str]] = {}
    """Former name of a key -> its current name. Former names are still accepted, with a warning."""

    @model_validator(mode="before")
    @classmethod
    def _read_former_keys(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        present = dict(values)
        for former, name in cls.former_keys.items():
            if former not in values:
                continue
            if name in values:
                raise ValueError(f"{former} is the former name of {name}: keep only {name}")
            present[name] = present.pop(former)
            _warn_once(f"the key {former} is now called {name}; the former name will be removed")
        return present

    def check_within(self, config: Any, key: str) -> None:
        """Check this section against the other sections; called once the whole configuration is parsed.

        Args:
            config: the whole configuration (`workflow_lib.config.Config`).
            key: location of this section in it, such as `devices.pi4`.

        Raises:
            ValueError: if sections contradict each other; the message names the key.
        """

    @field_validator("*", mode="before")
    @classmethod
    def _check_spelling(cls, value: Any, info: ValidationInfo) -> Any:
        wanted = _plain_types(cls.model_fields[info.field_name or ""].annotation)
        if wanted & {int, float} and not wanted & {bool, str}:
            for found in _values_in(value):
                if isinstance(found, bool):
                    raise ValueError(f"{str(found).lower()} is not a number")
                if isinstance(found, str) and "_" in found:
                    raise ValueError(f"{found!r} is not a number: write its digits without underscores")
        return value


def as_config_error(error: ValidationError) -> ConfigError:
    """Convert a pydantic error into a one-line error.

    Args:
        error: one or more problems; the message describes the first one and counts the others.
    """
    problems = error.errors(include_url=False, include_input=False)
    first = problems[0]
    parts = [str(part) for part in first["loc"]]
    kinds = [part.removeprefix(CHOICE_TAG) for part in parts if part.startswith(CHOICE_TAG)]
    key = ".".join(part for part in parts if not part.startswith(CHOICE_TAG))
    more = f" (and {len(problems) - 1} more problem{'s' if len(problems) > 2 else ''})" if len(problems) > 1 else ""
    return ConfigError(_message(first, kinds) + more, f"config: {key}" if key else "config", "see config/README.md")


def _is_of_another_kind(key: str) -> bool:
    """Whether any section that has a `kind` has this key."""
    waiting, sections = [Section], list[type[Section]]()
    while waiting:
        sections += (found := waiting.pop().__subclasses__())
        waiting += found
    return any({"kind", key} <= section.model_fields.keys() for section in sections)


def _message(problem: Any, kinds: list[str]) -> str:
    match problem["type"]:
        case "extra_forbidden" if kinds and _is_of_another_kind(str(problem["loc"][-1])):
            return f"kind {kinds[-1]} has no {problem['loc'][-1]}"
        case "extra_forbidden":
            return "unknown key"
        case "missing":
            return "missing key"
        case "union_tag_invalid":
            known = problem["ctx"]["expected_tags"].replace(CHOICE_TAG, "")
            return f"kind {problem['ctx']['tag'].removeprefix(CHOICE_TAG)!r} is unknown; known kinds are {known}"
    return str(problem["msg"]).removeprefix("Value error, ")
