"""Kinds of target devices: one module or package each, discovered here; see `latency.device_kind.DeviceKind`."""

from __future__ import annotations

import json
from typing import Annotated, Any, Union

from pydantic import Discriminator, Tag, TypeAdapter, ValidationError

from workflow_lib.core.discovery import discover
from workflow_lib.core.errors import ConfigError
from workflow_lib.core.section import CHOICE_TAG, as_config_error
from workflow_lib.latency.device_kind import DeviceConfig, DeviceKind


def device_kinds() -> dict[str, DeviceKind]:
    """Return all declared kinds by name."""
    return discover("devices", "DEVICE_KIND")


def kind_of(settings: Any) -> DeviceKind:
    """Return the kind to which the settings of a device belong."""
    return device_kinds()[settings.kind]


def default_devices() -> dict[str, DeviceConfig]:
    """Return the devices of a configuration that lists none."""
    return {name: kind.settings() for kind in device_kinds().values() for name in kind.default_devices}


def device_type() -> Any:
    """Build the pydantic type of a device's settings: a union of all kinds, discriminated by the key `kind`."""
    kinds = device_kinds()
    default = next(name for name, kind in kinds.items() if kind.default_devices)

    def tag(value: Any) -> str:
        kind = value.get("kind", default) if isinstance(value, dict) else getattr(value, "kind", value)
        return f"{CHOICE_TAG}{kind}"

    members = tuple(Annotated[kind.settings, Tag(f"{CHOICE_TAG}{name}")] for name, kind in kinds.items())
    return Annotated[Union[members], Discriminator(tag)]  # noqa: UP007 (built at run time)


def parse_settings(text: str) -> DeviceConfig:
    """Parse the settings of one device.

    Args:
        text: settings as JSON.

    Returns:
        The settings, of the type that belongs to their `kind`.

    Raises:
        ConfigError: if the text is not JSON, or the settings are not valid for any known kind.
    """
    try:
        values = json.loads(text)
    except ValueError:
        raise ConfigError(f"{text!r} is not JSON", "--settings", "pass the settings of a device as JSON") from None
    try:
        settings: DeviceConfig = TypeAdapter(device_type()).validate_python(values)
    except ValidationError as error:
        raise as_config_error(error) from None
    return settings
