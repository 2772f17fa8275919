"""Command lines of stages: typed and checked flags, which Snakemake also compares between runs."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from workflow_lib.core import provenance
from workflow_lib.core.errors import ConfigError, UserError
from workflow_lib.core.section import Section, as_config_error


class Arguments(BaseModel):
    """Base class of a stage's arguments.

    Subclasses declare one field per flag. A field that is a config section adds one flag per key of the section.
    A list takes several values. A mapping takes JSON, as do lists and mappings inside a config section.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls, description: str | None, argv: Sequence[str] | None) -> Self:
        """Parse a command line.

        Args:
            description: text for --help.
            argv: arguments without the program name; None: those of this process.

        Raises:
            ConfigError: if a value has the wrong type or is out of range.
            SystemExit: with code 2, if a flag is unknown or missing.
        """
        parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
        # The stage's CONTRACT, which is raised by hand when its results change meaning. Only Snakemake uses it.
        parser.add_argument("--contract", help=argparse.SUPPRESS)
        # Digest of the file that describes the user's own networks. Again, only Snakemake uses it.
        parser.add_argument("--networks-digest", help=argparse.SUPPRESS)
        for name, field in cls.model_fields.items():
            if section := _section(field):
                for key, value in section.model_fields.items():
                    _add_flag(parser, key, value, as_json=_is_compound(value.annotation))
            else:
                _add_flag(
                    parser, name, field, as_json=_is_compound(field.annotation) and not _is_plain_list(field.annotation)
                )
        given = vars(parser.parse_args(argv))
        values: dict[str, Any] = {}
        for name, field in cls.model_fields.items():
            if section := _section(field):
                values[name] = {key: given[key] for key in section.model_fields if given[key] is not None}
            elif given[name] is not None:
                values[name] = given[name]
        provenance.begin(cls._stage(), sys.argv[1:] if argv is None else argv)
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise as_config_error(error) from None

    @classmethod
    def _stage(cls) -> str:
        """Return the name of the module that declares these arguments, even if it runs as `__main__`."""
        spec = sys.modules[cls.__module__].__spec__
        return spec.name.rpartition(".")[2] if spec else ""


def _section(field: FieldInfo) -> type[Section] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _is_compound(kind: Any) -> bool:
    """Whether a value of this type is written as JSON: a section, list or mapping, or an optional one of these."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return True
    return get_origin(kind) in (dict, list) or (
        get_origin(kind) is not Literal and any(map(_is_compound, get_args(kind)))
    )


def _is_plain_list(kind: Any) -> bool:
    return get_origin(kind) is list and not any(map(_is_compound, get_args(kind)))


def _list_item(text: str) -> str:
    if text.startswith("["):
        raise argparse.ArgumentTypeError(f"{text} looks like JSON; give several values instead")
    return text


def _add_flag(parser: argparse.ArgumentParser, name: str, field: FieldInfo, as_json: bool) -> None:
    options: dict[str, Any] = {"help": (field.description or "").replace("%", "%%"), "required": field.is_required()}
    if field.annotation is bool:
        options |= {"nargs": "?", "const": "true", "metavar": "true|false"}
    elif as_json:
        options |= {"type": json.loads, "metavar": "JSON"}
    elif get_origin(field.annotation) is list:
        options |= {"nargs": "+", "type": _list_item}
    parser.add_argument("--" + name.replace("_", "-"), dest=name, **options)


def flags(section: Section | None, *names: str) -> list[str]:
    """Write a config section as flags of a stage, one `--key=value` per key.

    Args:
        section: the values; None, if the config omits the section: no flags.
        names: keys to include; none: all keys.
    """
    if section is None:
        return []
    values = section.model_dump(mode="json")
    result = []
    for name in names or values:
        value = values[name]
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
            result.append(f"--{name.replace('_', '-')}={text}")
    return result


def parse_path_lists(pairs: Sequence[str], flag: str) -> dict[str, list[Path]]:
    """Parse the NAME=FILE values of a flag; a name may have several files.

    Args:
        pairs: the values.
        flag: name of the flag, for error messages.

    Raises:
        ConfigError: if a value has no =.

    >>> parse_path_lists(["scores=a.parquet", "scores=b.parquet"], "--table")
    {'scores': [PosixPath('a.parquet'), PosixPath('b.parquet')]}
    """
    found: dict[str, list[Path]] = {}
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not equals:
            raise ConfigError(f"{pair!r} has no =", flag, "write NAME=FILE")
        found.setdefault(name, []).append(Path(path))
    return found


def parse_paths(pairs: Sequence[str], flag: str) -> dict[str, Path]:
    """Parse the NAME=FILE values of a flag that takes one file per name; see `parse_path_lists`."""
    return {name: paths[0] for name, paths in parse_path_lists(pairs, flag).items()}


def paths_from_stdin(stage: str) -> list[Path]:
    """Read one path per line from standard input; a command line could not hold thousands of paths.

    Args:
        stage: name of the stage, for error messages.

    Raises:
        UserError: if there are no paths.
    """
    paths = [Path(line) for line in sys.stdin.read().splitlines() if line]
    if not paths:
        raise UserError("no paths on standard input", stage)
    return paths
