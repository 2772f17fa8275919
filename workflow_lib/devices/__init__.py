"""Kinds of target devices: one module or package each, found by its place. See `latency.device_kind.DeviceKind`."""

from __future__ import annotations

import json
from typing import Annotated, Any, Union

from pydantic import Discriminator, Tag, TypeAdapter, ValidationError

from workflow_lib.core.discovery import discover
from workflow_lib.core.errors import ConfigError
from workflow_lib.core.section import CHOICE_TAG, as_config_error
from workflow_lib.latency.device_kind import DeviceConfig, DeviceKind


def device_kinds() -> dict[str, DeviceKind]:
    """Every kind that is declared, by its name."""
    return discover("devices", "DEVICE_KIND")


def kind_of(settings: Any) -> DeviceKind:
    """The kind that the settings of a device belong to."""
    return device_kinds()[settings.kind]


def default_devices() -> dict[str, DeviceConfig]:
    """The devices of a configuration that names none."""
    return {name: kind.settings() for kind in device_kinds().values() for name in kind.default_devices}


def device_type() -> Any:
    """The type of a device's settings, for pydantic: those of the kind that its key `kind` names."""
    kinds = device_kinds()
    default = next(name for name, kind in kinds.items() if kind.default_devices)

    def chosen(value: Any) -> str:
        kind = value.get("kind", default) if isinstance(value, dict) else getattr(value, "kind", value)
        return f"{CHOICE_TAG}{kind}"

    members = tuple(Annotated[kind.settings, Tag(f"{CHOICE_TAG}{name}")] for name, kind in kinds.items())
    return Annotated[Union[members], Discriminator(chosen)]  # noqa: UP007 (made of what is found)


def parse_settings(text: str) -> DeviceConfig:
    """Read the settings of one device.

    Args:
        text: JSON.

    Raises:
        ConfigError: if they are none of a known kind.
    """
    try:
        values = json.loads(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no JSON", "--settings", "write the settings of a device") from None
    try:
        settings: DeviceConfig = TypeAdapter(device_type()).validate_python(values)
    except ValidationError as error:
        raise as_config_error(error) from None
    return settings
