"""Compact networks: residual networks from 5 kB to several megabytes, for small devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from workflow_lib.core.section import Distinct, Section
from workflow_lib.spaces.compact import compact_network as compact
from workflow_lib.spaces.network_counts import Costs
from workflow_lib.spaces.space_declaration import SpaceDeclaration

if TYPE_CHECKING:
    from torch import nn

    from workflow_lib.spaces.space import Space

_BLOCK_NAMES = {
    "basic": "blocks of two convolutions",
    "sep": "blocks of two depthwise separable convolutions",
    "inv2": "inverted bottlenecks with expansion 2",
    "inv4": "inverted bottlenecks with expansion 4",
}


class CompactConfig(Section):
    """Compact residual networks; one list of values per dimension."""

    name: Literal["compact"] = Field(default="compact", description="compact residual networks")
    block: Annotated[list[Literal["basic", "sep", "inv2", "inv4"]], Distinct] = Field(
        default=["basic", "sep", "inv4"],
        min_length=1,
        description="basic: two convolutions; sep: two depthwise separable convolutions; inv2, inv4: an inverted "
        "bottleneck with an expansion of 2 or 4",
    )
    width: Annotated[list[Annotated[int, Field(ge=4, le=64)]], Distinct] = Field(
        default=[8, 16, 32],
        min_length=1,
        description="channels of the stem and of the first stage; each later stage has twice as many",
    )
    stages: Annotated[list[Literal[2, 3, 4]], Distinct] = Field(
        default=[3, 4], min_length=1, description="number of stages; each but the first halves the side of the images"
    )
    blocks: Annotated[list[Literal[1, 2]], Distinct] = Field(default=[1], min_length=1, description="blocks per stage")
    kernel: Annotated[list[Literal[3, 5, 7]], Distinct] = Field(
        default=[3], min_length=1, description="kernel size of the stem (pixels)"
    )
    stride: Annotated[list[Literal[1, 2]], Distinct] = Field(
        default=[2], min_length=1, description="stride of the stem (pixels)"
    )
    pool: Annotated[list[Literal[0, 1]], Distinct] = Field(
        default=[0], min_length=1, description="1: max-pooling (kernel 3, stride 2) after the stem; 0: none"
    )
    squeeze: Annotated[list[Literal[0, 1]], Distinct] = Field(
        default=[0], min_length=1, description="1: squeeze-and-excitation at the end of each block; 0: none"
    )


def build(network: compact.CompactNetwork, channels: int, classes: int) -> nn.Module:
    """Build a network, freshly initialised.

    Args:
        network: the network.
        channels: bands of its images.
        classes: number of outputs (logits).
    """
    from workflow_lib.spaces.compact.compact_module import CompactNet

    return CompactNet(network, channels, classes)


def count(network: compact.CompactNetwork, channels: int, classes: int, size_px: int) -> Costs:
    """What a network costs for one chip; see `compact_counts.count`."""
    from workflow_lib.spaces.compact.compact_counts import count

    return count(network, channels, classes, size_px)


def space(settings: CompactConfig) -> Space:
    """The networks of the chosen values."""
    return compact.space(settings.model_dump(exclude={"name"}))


def describe(network: compact.CompactNetwork) -> str:
    """A network in words."""
    pool = ", max-pooling" if network.pool else ""
    squeeze = " and squeeze-and-excitation" if network.squeeze else ""
    return (
        f"a compact residual network: a {network.kernel} x {network.kernel} stem with stride {network.stride}{pool}, "
        f"then {network.stages} stages of {network.blocks} {_BLOCK_NAMES[network.block]}{squeeze}, with "
        f"{network.width} to {network.stage_widths()[-1]} channels"
    )


def dimensions(network: compact.CompactNetwork) -> Mapping[str, int | str]:
    """Titles and values of its choices."""
    return {
        "block": network.block,
        "width": network.width,
        "stages": network.stages,
        "blocks per stage": network.blocks,
        "stem kernel": network.kernel,
        "stride": network.stride,
        "pooling": "yes" if network.pool else "none",
        "squeeze-and-excitation": "yes" if network.squeeze else "none",
    }


SPACE = SpaceDeclaration(
    title="compact residual networks",
    label="compact",
    pattern=compact.PATTERN,
    parse=compact.CompactNetwork.parse,
    build=build,
    count=count,
    describe=describe,
    dimensions=dimensions,
    settings=CompactConfig,
    space=space,
    position=5,
)
