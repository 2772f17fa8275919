"""Configuration files as people read them: what is written is what is meant.

Snakemake reads YAML 1.1, in which 050 is 40, 1:00 is 60, `no` is false, and the last of two equal keys wins. Here a
plain scalar is a number only where its spelling is the usual one for its value, true and false are the only flags, and
everything else is text, of which each key of the configuration takes what it can. A key given twice is an error.
"""

import json
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from workflow_lib.core.errors import ConfigError

_TAG = "tag:yaml.org,2002:"
_NULLS = {"", "~", "null", "Null", "NULL"}
_FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def read_config_files(paths: Iterable[str | Path], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Read configuration files as Snakemake does, but strictly.

    Args:
        paths: YAML or JSON files; a later one changes single keys of those before it.
        overrides: what `--config` says, already parsed; it comes last.

    Raises:
        ConfigError: if a file cannot be read, is not a mapping, or gives a key twice.
    """
    values: dict[str, Any] = {}
    for path in paths:
        _update(values, _anchored(_read(Path(path)), Path(path).absolute().parent))
    _update(values, overrides)
    return values


def strict_config(
    config: Mapping[str, Any], paths: Iterable[str | Path], overrides: Mapping[str, Any]
) -> Mapping[str, Any]:
    """What the files behind Snakemake's `config` say, read strictly; `config` itself where it has another source.

    Args:
        config: Snakemake's; where this workflow is a module of another one, that one may have put it together.
        paths, overrides: as in `read_config_files`.

    Raises:
        ConfigError: see `read_config_files`.
    """
    values = read_config_files(paths, overrides)
    return values if values.keys() == {str(key) for key in config} else config


def _anchored(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Make the path of a file of networks relative to the configuration file that names it."""
    inner: Any = values
    for key in ("grid", "space"):
        inner = inner.get(key) if isinstance(inner, dict) else None
    if isinstance(inner, dict) and isinstance(inner.get("file"), str):
        inner["file"] = str(folder / inner["file"])
    return values


def _update(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping):
            inner = values.get(key)
            values[key] = inner if isinstance(inner, dict) else {}
            _update(values[key], value)
        else:
            values[key] = value


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError("no such file", path) from None
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", path) from None
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8 text", path, "save it as UTF-8") from None
    try:
        values = _parse(text)
    except ConfigError as error:
        raise ConfigError(error.what, path) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"is neither YAML nor JSON ({error})", path) from None
    if values is not None and not isinstance(values, dict):
        raise ConfigError(f"holds a {type(values).__name__}, and `key: value` lines are needed", path)
    return values or {}


def _parse(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_distinct_pairs)
    except ConfigError:
        raise
    except ValueError:
        return _Loader(text).get_single_data()


def _distinct_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise ConfigError(f"key {twice[0]} is given twice")
    return dict(pairs)


class _Loader(yaml.SafeLoader):
    """Resolves plain scalars by `_scalar` alone, and refuses a key that is given twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (the base class's own form)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError(f"a key is not text, in line {line}")
            if key.value == "<<":
                key.tag = f"{_TAG}merge"
                continue
            if key.value in lines:
                raise ConfigError(f"key {key.value} is given twice, in lines {lines[key.value]} and {line}")
            lines[key.value] = line
            key.tag = f"{_TAG}str"
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}


def _scalar(loader: _Loader, node: yaml.ScalarNode) -> Any:
    """A value of the usual spelling; everything else, and all that is quoted, is text."""
    text: str = node.value
    if node.style is not None:
        return text
    if text in _NULLS:
        return None
    if text in _FLAGS:
        return _FLAGS[text]
    for kind in (int, float):
        try:
            if str(kind(text)) == text:
                return kind(text)
        except ValueError:
            continue
    return text


_Loader.add_constructor(f"{_TAG}str", _scalar)
_Loader.add_constructor(f"{_TAG}map", _Loader.construct_mapping)
