"""Command lines of stages: typed, checked, and one self-describing list for Snakemake."""

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
    """What a stage is told; subclasses declare one field per flag, or a config section whose keys become flags.

    A list takes several values; a mapping, and a list or mapping of a config section, take JSON.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls, description: str | None, argv: Sequence[str] | None) -> Self:
        """Read a command line.

        Args:
            description: shown by --help.
            argv: arguments without the program's name; None: those of this process.

        Raises:
            ConfigError: if a value does not have its flag's type or range.
            SystemExit: with code 2, if a flag is unknown or missing.
        """
        parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
        # The stage's CONTRACT, raised by hand when its results change meaning; only Snakemake compares it.
        parser.add_argument("--contract", help=argparse.SUPPRESS)
        # Content of the file that describes the user's own networks; again only Snakemake compares it.
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
        """The module that declares these arguments, by its name even where it runs as `__main__`."""
        spec = sys.modules[cls.__module__].__spec__
        return spec.name.rpartition(".")[2] if spec else ""


def _section(field: FieldInfo) -> type[Section] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _is_compound(kind: Any) -> bool:
    """Whether a value of this type is spelled as JSON: a section, a list, a mapping, or one of these or None."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return True
    return get_origin(kind) in (dict, list) or (
        get_origin(kind) is not Literal and any(map(_is_compound, get_args(kind)))
    )


def _is_plain_list(kind: Any) -> bool:
    return get_origin(kind) is list and not any(map(_is_compound, get_args(kind)))


def _add_flag(parser: argparse.ArgumentParser, name: str, field: FieldInfo, as_json: bool) -> None:
    options: dict[str, Any] = {"help": (field.description or "").replace("%", "%%"), "required": field.is_required()}
    if field.annotation is bool:
        options |= {"nargs": "?", "const": "true", "metavar": "true|false"}
    elif as_json:
        options |= {"type": json.loads, "metavar": "JSON"}
    elif get_origin(field.annotation) is list:
        options |= {"nargs": "+"}
    parser.add_argument("--" + name.replace("_", "-"), dest=name, **options)


def flags(section: Section | None, *names: str) -> list[str]:
    """Spell a config section as the flags of a stage, one self-describing `--key=value` each.

    Args:
        section: the values; None, where the config leaves it out: no flags.
        names: the keys wanted; none: all of them.
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


def listed_paths(pairs: Sequence[str], flag: str) -> dict[str, list[Path]]:
    """Read values NAME=FILE of a flag; a name may have several files.

    Args:
        pairs: the values.
        flag: named in an error.

    Raises:
        ConfigError: if one has no =.
    """
    found: dict[str, list[Path]] = {}
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not equals:
            raise ConfigError(f"{pair!r} has no =", flag, "write NAME=FILE")
        found.setdefault(name, []).append(Path(path))
    return found


def named_paths(pairs: Sequence[str], flag: str) -> dict[str, Path]:
    """Read values NAME=FILE of a flag, one file per name; see `listed_paths`."""
    return {name: paths[0] for name, paths in listed_paths(pairs, flag).items()}


def paths_from_stdin(stage: str) -> list[Path]:
    """Read the paths that a rule gives on standard input, one per line: a command line could not hold them all.

    Raises:
        UserError: if there is none.
    """
    paths = [Path(line) for line in sys.stdin.read().splitlines() if line]
    if not paths:
        raise UserError("no paths on standard input", stage)
    return paths
