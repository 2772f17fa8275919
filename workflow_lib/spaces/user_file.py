"""A family of networks that a user's Python file defines: `grid.space: {file: my_networks.py}`.

The file assigns `CHOICES`, a dictionary from names to lists of values, and defines `build(choice, channels, classes)`,
which returns a torch module for one value of each choice. Ids are derived from the choices, such as
own-mynetworks-width8-depth2. The file is the user's own code, and jobs import it with the user's permissions. Planning
reads only `CHOICES`, without running the file if `CHOICES` is a literal.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.machinery import SourceFileLoader
from itertools import product
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from workflow_lib.core.candidate import KEYS
from workflow_lib.core.errors import ConfigError, UserError
from workflow_lib.core.section import Section
from workflow_lib.spaces.cross.cross_architecture import BASELINE
from workflow_lib.spaces.cross.cross_counts import costs
from workflow_lib.spaces.network_counts import Costs
from workflow_lib.spaces.space import Configuration, Space
from workflow_lib.spaces.space_declaration import SpaceDeclaration

if TYPE_CHECKING:
    from torch import nn

FILE_VARIABLE = "EDGEFRONT_NETWORKS"
"""Environment variable with the path of the file that jobs build networks with."""

_CHOICES, _BUILD = "CHOICES", "build"
_VALUE = r"[A-Za-z]+(?:\.[A-Za-z0-9.]+|\d[A-Za-z0-9.]*)"
_PATTERN = rf"own-[A-Za-z0-9]+(?:-{_VALUE})+"
_PART = re.compile(r"([A-Za-z]+)(?:\.([A-Za-z0-9.]+)|(\d[A-Za-z0-9.]*))")


class UserFileConfig(Section):
    """A family of networks of your own."""

    name: Literal["user_file"] = Field(
        default="user_file", description="a Python file of your own; this key may be left out"
    )
    file: str = Field(
        description="Python file with CHOICES and build(choice, channels, classes), relative to the configuration file"
    )

    @field_validator("file")
    @classmethod
    def _check_file(cls, file: str) -> str:
        try:
            read_space(file)
        except UserError as error:
            raise ValueError(str(error)) from None
        return file

    @property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(Path(self.file).read_bytes()).hexdigest()


@dataclass(frozen=True)
class UserNetwork:
    """One network of a user's file; `str(network)` is its id.

    Attributes:
        family: name of the file's networks.
        values: (choice, value) pairs as the id spells them.

    >>> UserNetwork.parse("own-mynetworks-width8-norm.batch").values
    (('width', '8'), ('norm', 'batch'))
    """

    family: str
    values: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        parts = (f"{name}{value}" if value[0].isdigit() else f"{name}.{value}" for name, value in self.values)
        return "-".join(["own", self.family, *parts])

    @classmethod
    def parse(cls, text: str) -> UserNetwork:
        """Parse an id; the inverse of `str`.

        Raises:
            ConfigError: if the text is not such an id.
        """
        if not re.fullmatch(_PATTERN, text):
            raise ConfigError("not the id of a user's network", text, "expected own-<file>-<choice><value>-...")
        _, family, *parts = text.split("-")
        found = [_PART.fullmatch(part) for part in parts]
        return cls(family, tuple((part[1], part[2] or part[3]) for part in found if part))


def read_space(file: str) -> Space:
    """Read the search space that a user's Python file, given by its path, defines.

    Raises:
        UserError: if the file does not exist or lacks `CHOICES` or `build`, if a value cannot be part of an id, or if
            two combinations of choices have the same id.
    """
    path = Path(file)
    choices = _read_choices(path)
    ids = {
        tuple(zip(choices, values, strict=True)): str(_network(path, dict(zip(choices, values, strict=True))))
        for values in product(*choices.values())
    }
    configurations: dict[str, Configuration] = {}
    for key, name in ids.items():
        if name in configurations:
            raise UserError(f"two choices have the id {name}: {dict(configurations[name])} and {dict(key)}", path)
        configurations[name] = dict(key)

    def find_id(configuration: Configuration) -> str:
        return ids[tuple((name, configuration[name]) for name in choices)]

    return Space(choices, find_id, configurations.__getitem__)


def _network(path: Path, choice: Mapping[str, Any]) -> UserNetwork:
    family = re.sub(r"[^A-Za-z0-9]", "", path.stem) or "networks"
    return UserNetwork(family, tuple((name.replace("_", ""), _spell(path, name, choice[name])) for name in choice))


def _spell(path: Path, name: str, value: Any) -> str:
    parts = value if isinstance(value, tuple) else (value,)
    spelled = "x".join(str(part).lower() if isinstance(part, bool) else str(part) for part in parts)
    spelled = spelled.replace("-", "m").replace("+", "")
    if not re.fullmatch(r"[A-Za-z0-9.]+", spelled):
        raise UserError(
            f"{_CHOICES}[{name!r}] has the value {value!r}, which cannot be part of a file name",
            path,
            "use numbers, booleans, or text of letters, digits and dots",
        )
    return spelled


def _read_choices(path: Path) -> dict[str, list[Any]]:
    tree = _parse_file(path)
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} | set(_assigned(tree))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    imported = {alias.asname or alias.name for node in imports for alias in node.names}
    if _BUILD not in names | imported:
        raise UserError(f"has no function {_BUILD}(choice, channels, classes)", path, "define one")
    if _CHOICES not in names:
        raise UserError(f"has no {_CHOICES}", path, "assign a dictionary from names to lists of values")
    try:
        choices = ast.literal_eval(_assigned(tree)[_CHOICES])
    except (ValueError, TypeError):  # not a literal, or an invalid one, which running the file will report
        choices = getattr(load_file(str(path)), _CHOICES)
    return _checked_choices(path, choices)


def _assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """Map the name of every top-level assignment to its expression."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            found |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            found[node.target.id] = node.value
    return found


def _parse_file(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError("no such file", path) from None
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", path) from None
    except (SyntaxError, ValueError) as error:
        raise UserError(f"is not a valid Python file ({error})", path) from None


def _checked_choices(path: Path, choices: Any) -> dict[str, list[Any]]:
    if not isinstance(choices, dict) or not choices:
        raise UserError(f"{_CHOICES} must be a dictionary with at least one choice, but is {choices!r}", path)
    for name, values in choices.items():
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]*[A-Za-z][A-Za-z_]*", name):
            raise UserError(f"{_CHOICES} has the name {name!r}: use letters and underscores only", path)
        if name in KEYS:
            raise UserError(
                f"{_CHOICES} has the name {name!r}, which every candidate has already", path, "choose another name"
            )
        if not isinstance(values, list | tuple) or not values:
            raise UserError(f"{_CHOICES}[{name!r}] must be a list of at least one value, but is {values!r}", path)
        for value in values:
            if not isinstance(value, Hashable) or not _is_hashable(value):
                raise UserError(
                    f"{_CHOICES}[{name!r}] has the value {value!r}, which is not hashable", path, "use tuples"
                )
    return {name: list(values) for name, values in choices.items()}


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


class _FreshLoader(SourceFileLoader):
    """Always compiles the file: cached bytecode may be from an older file with the same modification time and size."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


@cache
def load_file(file: str) -> ModuleType:
    """Run a user's Python file, given by its path, and return it as a module.

    Raises:
        UserError: if the file raises an error, which the message repeats in one line.
    """
    path = Path(file)
    loader = _FreshLoader(path.stem, str(path))
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    try:
        loader.exec_module(module)
    except Exception as error:  # user code may raise anything
        raise UserError(f"cannot be run ({type(error).__name__}: {error})", path) from None
    return module


def build(network: UserNetwork, channels: int, classes: int) -> nn.Module:
    """Build a network with the file that `EDGEFRONT_NETWORKS` names.

    Args:
        network: the network.
        channels: bands of the input images.
        classes: number of outputs (logits).

    Raises:
        UserError: if the file does not exist or does not define the network, or if its `build` fails or does not
            return a torch module.
    """
    from torch import nn

    file = os.environ.get(FILE_VARIABLE)
    if not file:
        raise UserError(f"not set, but {network} is from a user's file", FILE_VARIABLE, "set it to that file's path")
    space = read_space(file)
    try:
        choice = dict(space.parse(str(network)))
    except KeyError:
        raise UserError(f"does not describe the network {network}", file) from None
    try:
        module = getattr(load_file(file), _BUILD)(choice, channels, classes)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{_BUILD}({choice}, ...) failed ({type(error).__name__}: {error})", file) from None
    if not isinstance(module, nn.Module):
        raise UserError(f"{_BUILD}({choice}, ...) returned a {type(module).__name__}, not a torch module", file)
    return module


def count(_network: UserNetwork, channels: int, classes: int, size_px: int) -> Costs:
    """Assume the costs of the plain ResNet-18, because planning cannot build the network.

    Args:
        channels, classes, size_px: see `SpaceDeclaration.count`.
    """
    return costs(BASELINE, channels, classes, size_px)


def describe(network: UserNetwork) -> str:
    """Describe a network in words."""
    return f"a network of {network.family} with " + ", ".join(f"{name} {value}" for name, value in network.values)


def dimensions(network: UserNetwork) -> Mapping[str, int | str]:
    """Value of each choice of a network."""
    return {name: int(value) if value.isdigit() else value for name, value in network.values}


SPACE = SpaceDeclaration(
    title="networks of your own file",
    label="own",
    pattern=_PATTERN,
    parse=UserNetwork.parse,
    build=build,
    count=count,
    describe=describe,
    dimensions=dimensions,
    settings=UserFileConfig,
    space=lambda settings: read_space(settings.file),
    counts_exactly=False,
    checks_output=True,
)
