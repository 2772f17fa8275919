"""Functions of network ids, for the networks of all search spaces."""

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from workflow_lib.core.discovery import discover
from workflow_lib.core.errors import ConfigError
from workflow_lib.spaces.darts import darts_cell as darts
from workflow_lib.spaces.mobilenet import mobilenet_chain as mobilenet
from workflow_lib.spaces.nasbench201 import nasbench201_cell as nasbench201
from workflow_lib.spaces.network_counts import Costs
from workflow_lib.spaces.space_declaration import SpaceDeclaration

if TYPE_CHECKING:
    from torch import nn

Assembled = nasbench201.CellNetwork | darts.CellNetwork | mobilenet.Chain
"""Networks whose costs are sums over the operations on their edges or blocks."""


def all_spaces() -> dict[str, SpaceDeclaration]:
    """Name -> declaration of every search space, in their display order."""
    found: dict[str, SpaceDeclaration] = discover("spaces", "SPACE")
    return dict(sorted(found.items(), key=lambda item: item[1].position))


def pattern_in_jobs() -> str:
    """Regular expression that constrains Snakemake's `architecture` wildcard."""
    return f"(?:{'|'.join(space.pattern_in_jobs or space.pattern for space in all_spaces().values())})"


def pattern() -> str:
    """Regular expression of the ids of networks that take one image at a time."""
    return f"(?:{'|'.join(space.pattern for space in all_spaces().values())})"


@dataclass(frozen=True)
class Network:
    """A network of any space; its text is its id.

    Attributes:
        space: declaration of its space.
        choices: the network as its space represents it.
    """

    space: SpaceDeclaration
    choices: Any

    def __str__(self) -> str:
        return str(self.choices)

    def build(self, channels: int, classes: int) -> "nn.Module":
        """Build the torch module, freshly initialised.

        Args:
            channels: bands of the input images.
            classes: number of outputs (logits).
        """
        return self.space.build(self.choices, channels, classes)

    def costs(self, channels: int, classes: int, size_px: int) -> Costs:
        """Count what the network costs for one chip, without torch.

        Args:
            channels: bands of the chips.
            classes: number of classes.
            size_px: side of the chips (pixels).

        >>> parse("k7-s2-p3-pool3s2-w64").costs(channels=3, classes=1000, size_px=224).parameters
        11689512
        """
        return self.space.count(self.choices, channels, classes, size_px)

    def describe(self) -> str:
        """Describe the network in words."""
        return self.space.describe(self.choices)

    def dimensions(self) -> dict[str, int | str]:
        """Title -> value of each of its choices."""
        return dict(self.space.dimensions(self.choices))


@cache
def parse(text: str) -> Network:
    """Parse an id of any space into its network.

    >>> parse("k5-s1-p2-nopool-w48").choices.width
    48

    Raises:
        ConfigError: if the text is not an id.
    """
    for space in all_spaces().values():
        prefix = re.match("[a-z]+-", space.pattern)
        # A text that starts like an id goes to that space's parser, whose error is more specific.
        if re.fullmatch(space.pattern_in_jobs or space.pattern, text) or (prefix and text.startswith(prefix[0])):
            return Network(space, space.parse(text))
    raise ConfigError("not an architecture id", text, "expected something like k3-s2-p1-pool3s2-w32")


def parse_assembled(text: str) -> Assembled:
    """Parse the id of a network of cells or of a chain of blocks.

    Raises:
        ConfigError: if the text is not such an id.
    """
    network = parse(text).choices
    if not isinstance(network, Assembled):
        raise ConfigError(
            "neither a network of cells nor a chain of blocks", text, "give a network of a space with edges or blocks"
        )
    return network


def without_dead_operations(architecture: str) -> str:
    """Remove operations that lie on no path from input to output.

    >>> without_dead_operations("cell-conv3-none.skip-skip.none.none-w8-n1-s2")
    'cell-none-none.none-skip.none.none-w8-n1-s2'

    Returns:
        Id of the simplified network; unchanged if no path connects input and output.
    """
    network = parse(architecture).choices
    simplified = network.without_dead_operations if isinstance(network, nasbench201.CellNetwork) else network
    return str(simplified or network)
