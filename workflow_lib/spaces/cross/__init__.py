"""The CROSS space: ResNet-18 with a searched stem (Li et al. 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from workflow_lib.core.section import Distinct, Section
from workflow_lib.spaces.cross import cross_architecture as cross
from workflow_lib.spaces.cross.cross_counts import costs
from workflow_lib.spaces.space_declaration import SpaceDeclaration

if TYPE_CHECKING:
    from torch import nn

    from workflow_lib.spaces.cross.cross_architecture import Architecture
    from workflow_lib.spaces.space import Space


CROSS = "cross"
"""Name of the CROSS space."""


class CrossConfig(Section):
    """The CROSS search space: ResNet-18 with a searched stem; one list of values per dimension."""

    name: Literal["cross"] = Field(default="cross", description="the CROSS space")
    kernel_size: Annotated[list[Literal[3, 5]], Distinct] = Field(
        default=[3, 5], min_length=1, description="kernel size of the stem (pixels)"
    )
    stride: Annotated[list[Literal[1, 2]], Distinct] = Field(
        default=[1, 2], min_length=1, description="stride of the stem (pixels)"
    )
    padding: Annotated[list[Literal[1, 2, 3]], Distinct] = Field(
        default=[1, 2, 3], min_length=1, description="padding of the stem (pixels)"
    )
    pool_choice: Annotated[list[Literal[0, 1]], Distinct] = Field(
        default=[0, 1], min_length=1, description="0: max-pooling; 1: no pooling"
    )
    kernel_size_pool: Annotated[list[Literal[2, 3]], Distinct] = Field(
        default=[2, 3], min_length=1, description="kernel size of the max-pooling (pixels)"
    )
    stride_pool: Annotated[list[Literal[1, 2]], Distinct] = Field(
        default=[1, 2], min_length=1, description="stride of the max-pooling (pixels)"
    )
    initial_output_feature: Annotated[list[Literal[32, 48, 64]], Distinct] = Field(
        default=[32, 48, 64],
        min_length=1,
        description="channels of the stem; the four stages have 1, 2, 4 and 8 times as many",
    )

    @property
    def choices(self) -> dict[str, list[int]]:
        """Dimension -> selected values, in the order of `cross_architecture.CHOICES`."""
        values = self.model_dump()
        return {dimension: values[dimension] for dimension in cross.CHOICES}


def build(network: Architecture, channels: int, classes: int) -> nn.Module:
    """Build a network, freshly initialised.

    Args:
        network: the network.
        channels: bands of the input images.
        classes: number of outputs (logits).
    """
    from workflow_lib.spaces.cross.cross_module import to_module

    return to_module(str(network), channels, classes)


def space(settings: CrossConfig) -> Space:
    """The search space of the selected values."""
    return cross.space(settings.choices)


def describe(network: Architecture) -> str:
    """Describe a network in words."""
    pooling = "no pooling"
    if network.pool:
        size, stride = network.pool
        pooling = f"{size} x {size} max-pooling with stride {stride}"
    return (
        f"a ResNet-18 whose stem is a {network.kernel_size} x {network.kernel_size} convolution with stride "
        f"{network.stride}, padding {network.padding} and {network.width} output channels, then {pooling}"
    )


def dimensions(network: Architecture) -> Mapping[str, int | str]:
    """Title and value of each choice of a network."""
    return {
        "stem kernel": network.kernel_size,
        "stride": network.stride,
        "padding": network.padding,
        "pooling (kernel, stride)": "none" if network.pool is None else "{} s{}".format(*network.pool),
        "width": network.width,
    }


SPACE = SpaceDeclaration(
    title="networks of the CROSS space",
    label="CROSS",
    pattern=cross.UNFOLDED_PATTERN,
    parse=cross.Architecture.parse,
    build=build,
    count=costs,
    describe=describe,
    dimensions=dimensions,
    settings=CrossConfig,
    space=space,
    pattern_in_jobs=cross.PATTERN,
    position=0,
)
