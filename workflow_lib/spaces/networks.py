"""All networks that jobs know, by their ids."""

import re
from typing import Any

from workflow_lib.core.discovery import discover
from workflow_lib.core.errors import ConfigError
from workflow_lib.spaces.darts import darts_cell as darts
from workflow_lib.spaces.mobilenet import mobilenet_chain as mobilenet
from workflow_lib.spaces.nasbench201 import nasbench201_cell as nasbench201
from workflow_lib.spaces.network_counts import Costs
from workflow_lib.spaces.space_declaration import SpaceDeclaration

Assembled = nasbench201.CellNetwork | darts.CellNetwork | mobilenet.Chain
"""Networks whose costs are sums over what was chosen for their edges or blocks."""


def all_spaces() -> dict[str, SpaceDeclaration]:
    """Every search space that is declared, by its name."""
    found: dict[str, SpaceDeclaration] = discover("spaces", "SPACE")
    return dict(sorted(found.items(), key=lambda item: item[1].position))


def pattern_in_jobs() -> str:
    """Snakemake's constraint of the `architecture` wildcard."""
    return f"(?:{'|'.join(space.pattern_in_jobs or space.pattern for space in all_spaces().values())})"


def pattern() -> str:
    """The pattern of ids of networks that take one image at a time."""
    return f"(?:{'|'.join(space.pattern for space in all_spaces().values())})"


def space_of(text: str) -> SpaceDeclaration:
    """The space that an id belongs to.

    Raises:
        ConfigError: if the text is no id.
    """
    for space in all_spaces().values():
        prefix = re.match("[a-z]+-", space.pattern)
        # A text that begins like an id is left to the space's own parser, whose error says more.
        if re.fullmatch(space.pattern_in_jobs or space.pattern, text) or (prefix and text.startswith(prefix[0])):
            return space
    raise ConfigError("not an architecture id", text, "expected something like k3-s2-p1-pool3s2-w32")


def parse(text: str) -> Any:
    """Read an id: the network of its space.

    Raises:
        ConfigError: if the text is no id.
    """
    return space_of(text).parse(text)


def parse_assembled(text: str) -> Assembled:
    """Read the id of a network of cells, or of a chain of blocks.

    Raises:
        ConfigError: if the text is no such id.
    """
    network = parse(text)
    if not isinstance(network, Assembled):
        raise ConfigError("neither a network of cells nor a chain of blocks", text)
    return network


def alive(architecture: str) -> str:
    """The id of the same network without operations that lead nowhere; unchanged if nothing leads to the output."""
    network = parse(architecture)
    left = network.alive if isinstance(network, nasbench201.CellNetwork) else network
    return str(left or network)


def costs(architecture: str, channels: int, classes: int, size_px: int) -> Costs:
    """What a network costs for one chip, from its id alone: for planning, without torch.

    Args:
        architecture: id.
        channels, classes, size_px: of its chips.

    Raises:
        ConfigError: if the text is no id.
    """
    space = space_of(architecture)
    return space.count(space.parse(architecture), channels, classes, size_px)
