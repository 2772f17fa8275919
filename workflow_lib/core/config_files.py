"""Strict reading of configuration files, without the surprises of YAML 1.1.

Snakemake reads YAML 1.1, in which 050 is 40, 1:00 is 60, `no` is false, and the last of two equal keys wins. Here, an
unquoted value is a number only if it is written in the usual way, only true and false are flags, and everything else
is text. Each configuration key then converts the text to its own type. A duplicate key is an error.
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
    """Read and merge configuration files as Snakemake does, but strictly.

    Args:
        paths: YAML or JSON files; a later file overrides single keys of the earlier ones.
        overrides: parsed values of `--config`, which override all files.

    Raises:
        ConfigError: if a file cannot be read, is not a mapping, or has a duplicate key.
    """
    values: dict[str, Any] = {}
    for path in paths:
        _update(values, _resolve_network_files(_read(Path(path)), Path(path).absolute().parent))
    _update(values, overrides)
    return values


def strict_config(
    config: Mapping[str, Any], paths: Iterable[str | Path], overrides: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Read Snakemake's configuration files strictly; return `config` itself if it has another source.

    Args:
        config: Snakemake's `config`; if another workflow includes this one as a module, it may have assembled it.
        paths: configuration files, as in `read_config_files`.
        overrides: parsed values of `--config`, as in `read_config_files`.

    Raises:
        ConfigError: see `read_config_files`.
    """
    values = read_config_files(paths, overrides)
    return values if values.keys() == {str(key) for key in config} else config


def _resolve_network_files(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Resolve the paths of files with networks relative to the configuration file that names them."""
    grid = values.get("grid")
    grid = grid if isinstance(grid, dict) else {}
    models = grid.get("trained_models")
    for section in (grid.get("space"), *(models.values() if isinstance(models, dict) else ())):
        if isinstance(section, dict) and isinstance(section.get("file"), str):
            section["file"] = str(folder / section["file"])
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
        raise ConfigError(f"holds a {type(values).__name__}, but must consist of `key: value` lines", path)
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
    if duplicates := [key for key in keys if keys.count(key) > 1]:
        raise ConfigError(f"key {duplicates[0]} is given twice")
    return dict(pairs)


class _Loader(yaml.SafeLoader):
    """A YAML loader that parses unquoted values with `_scalar` and rejects duplicate keys."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (declared like this in the base class)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError(f"a key is not text (line {line})")
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
    """Parse an unquoted number, flag or null in its usual spelling; everything else is text."""
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
