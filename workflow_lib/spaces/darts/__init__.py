"""Networks of DARTS cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workflow_lib.spaces.darts import darts_cell as cells
from workflow_lib.spaces.network_counts import Costs
from workflow_lib.spaces.space_declaration import SpaceDeclaration

if TYPE_CHECKING:
    from torch import nn


def build(network: cells.CellNetwork, channels: int, classes: int) -> nn.Module:
    """Build a network, freshly initialised."""
    from workflow_lib.spaces.darts.darts_module import to_module

    return to_module(network, channels, classes)


def count(network: cells.CellNetwork, channels: int, classes: int, size_px: int) -> Costs:
    """What a network costs for one chip."""
    from workflow_lib.spaces.darts import darts_counts as counts

    images = (network.skeleton, channels, classes, size_px)
    return Costs(
        int(counts.count_multiply_adds(*images).total(network)),
        int(counts.count_activations(*images).total(network)),
        int(counts.count_parameters(network.skeleton, channels, classes).total(network)),
    )


def describe(network: cells.CellNetwork) -> str:
    """A network in words."""
    skeleton = network.skeleton
    return (
        f"a network of DARTS cells {network.normal} and {network.reduction}: three stages of {skeleton.cells}, with "
        f"{skeleton.width} to "
        f"{4 * skeleton.width} channels, after a stem of {max(1, skeleton.stem_strides)} convolutions"
    )


def dimensions(network: cells.CellNetwork) -> Mapping[str, int | str]:
    """How often it has each operation."""
    names = sorted(cells.OPERATIONS)
    return {f"edges with {name}": list(network.operations).count(name) for name in names}


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
