"""Published networks for small devices, as candidates or baselines: MobileNets, ShuffleNetV2 and EfficientNet-lite0."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workflow_lib.spaces.network_counts import Costs
from workflow_lib.spaces.published.published_network import NETWORKS, PREFIX, PublishedNetwork
from workflow_lib.spaces.space_declaration import SpaceDeclaration

if TYPE_CHECKING:
    from torch import nn


def build(network: PublishedNetwork, channels: int, classes: int) -> nn.Module:
    """Build a network, freshly initialised.

    Args:
        network: the network.
        channels: bands of its images.
        classes: number of outputs (logits).
    """
    from workflow_lib.spaces.published.published_module import PublishedNet

    return PublishedNet(network, channels, classes)


def count(network: PublishedNetwork, channels: int, classes: int, size_px: int) -> Costs:
    """What a network costs for one chip; see `published_counts.count`."""
    from workflow_lib.spaces.published.published_counts import count

    return count(network, channels, classes, size_px)


SPACE = SpaceDeclaration(
    title="published networks",
    label="published",
    pattern=f"{PREFIX}(?:{'|'.join(re.escape(name) for name in NETWORKS)})",
    parse=PublishedNetwork.parse,
    build=build,
    count=count,
    describe=lambda network: f"{network.name} as published ({network.source})",
    dimensions=lambda network: {"network": network.name},
    position=6,
)
