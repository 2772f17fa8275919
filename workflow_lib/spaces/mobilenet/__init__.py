"""Chains of MobileNetV2 blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workflow_lib.spaces.mobilenet import mobilenet_chain as cells
from workflow_lib.spaces.network_counts import Costs
from workflow_lib.spaces.space_declaration import SpaceDeclaration

if TYPE_CHECKING:
    from torch import nn


def build(network: cells.Chain, channels: int, classes: int) -> nn.Module:
    """Build a network, freshly initialised.

    Args:
        network: the network.
        channels: bands of the input images.
        classes: number of outputs (logits).
    """
    from workflow_lib.spaces.mobilenet.mobilenet_module import to_module

    return to_module(str(network), channels, classes)


def count(network: cells.Chain, channels: int, classes: int, size_px: int) -> Costs:
    """Count what a network costs for one chip.

    Args:
        network: the network.
        channels: bands of the chips.
        classes: number of classes.
        size_px: side of the chips (pixels).
    """
    from workflow_lib.spaces.mobilenet import mobilenet_counts as counts

    return Costs(
        int(counts.count_multiply_adds(channels, classes, size_px).total(network)),
        int(counts.count_activations(channels, classes, size_px).total(network)),
        int(counts.count_parameters(channels, classes).total(network)),
    )


def describe(network: cells.Chain) -> str:
    """Describe a network in words."""
    blocks = len(network.operations) - network.operations.count(cells.SKIP)
    return f"a chain of {blocks} MobileNetV2 blocks of {len(network.operations)}, {network}"


def dimensions(network: cells.Chain) -> Mapping[str, int | str]:
    """Count the blocks with each operation."""
    names = sorted(cells.BLOCKS)
    return {f"blocks with {name}": network.operations.count(name) for name in names}


SPACE = SpaceDeclaration(
    title="chains of MobileNetV2 blocks",
    label="chains",
    pattern=cells.PATTERN,
    parse=cells.Chain.parse,
    build=build,
    count=count,
    describe=describe,
    dimensions=dimensions,
)
