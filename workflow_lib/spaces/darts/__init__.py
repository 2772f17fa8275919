"""Networks of DARTS cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workflow_lib.spaces.darts import darts_cell as cells
from workflow_lib.spaces.network_counts import Costs
from workflow_lib.spaces.repeated_cells import count_cells, count_operations, describe_cells
from workflow_lib.spaces.space_declaration import SpaceDeclaration

if TYPE_CHECKING:
    from torch import nn


def build(network: cells.CellNetwork, channels: int, classes: int) -> nn.Module:
    """Build a network, freshly initialised.

    Args:
        network: the network.
        channels: bands of the input images.
        classes: number of outputs (logits).
    """
    from workflow_lib.spaces.darts.darts_module import to_module

    return to_module(network, channels, classes)


def count(network: cells.CellNetwork, channels: int, classes: int, size_px: int) -> Costs:
    """Count what a network costs for one chip.

    Args:
        network: the network.
        channels: bands of the chips.
        classes: number of classes.
        size_px: side of the chips (pixels).
    """
    from workflow_lib.spaces.darts import darts_counts as counts

    return count_cells(counts, network, channels, classes, size_px)


def describe(network: cells.CellNetwork) -> str:
    """Describe a network in words."""
    return describe_cells(f"DARTS cells {network.normal} and {network.reduction}", network.skeleton)


def dimensions(network: cells.CellNetwork) -> Mapping[str, int | str]:
    """Count the edges with each operation."""
    return count_operations(network, cells.OPERATIONS)


SPACE = SpaceDeclaration(
    title="networks of DARTS cells",
    label="cells",
    pattern=cells.PATTERN,
    parse=cells.CellNetwork.parse,
    build=build,
    count=count,
    describe=describe,
    dimensions=dimensions,
)
