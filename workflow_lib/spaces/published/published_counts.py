"""What published networks cost, counted block by block without torch."""

from collections.abc import Iterator

from workflow_lib.spaces.layer_counts import Layer, convolution, divided, norm, parameterless, squeeze_excitation
from workflow_lib.spaces.network_counts import Costs
from workflow_lib.spaces.published.published_network import (
    Block,
    Convolution,
    Inverted,
    Pool,
    PublishedNetwork,
    Shuffle,
)


def count(network: PublishedNetwork, channels: int, classes: int, size_px: int) -> Costs:
    """Count what `published_module.PublishedNet` costs for one chip; tests compare with torch's counters.

    Args:
        network: the network.
        channels: bands of the chips.
        classes: number of outputs.
        size_px: side of the chips (pixels).
    """
    layers: list[Layer] = []
    inputs, side_px = channels, size_px
    for block in network.blocks:
        layers += _layers(block, inputs, side_px)
        inputs = inputs if isinstance(block, Pool) else block.outputs
        side_px = divided(side_px, 2 if isinstance(block, Pool) else block.stride)
    layers += _head(inputs, network.hidden, classes)
    return Costs(
        sum(layer.multiply_adds for layer in layers),
        sum(layer.outputs for layer in layers),
        sum(layer.parameters for layer in layers),
    )


def _layers(block: Block, inputs: int, side_px: int) -> Iterator[Layer]:
    match block:
        case Convolution():
            yield from _convolution(block, inputs, side_px)
        case Inverted():
            yield from _inverted(block, inputs, side_px)
        case Shuffle():
            yield from _shuffle(block, inputs, side_px)
        case Pool():
            yield parameterless(inputs, divided(side_px, 2))


def _convolution(block: Convolution, inputs: int, before_px: int) -> Iterator[Layer]:
    side_px = divided(before_px, block.stride)
    weights = block.kernel**2 * block.outputs * (1 if block.depthwise else inputs)
    yield convolution(weights, block.outputs, side_px)
    yield norm(block.outputs, side_px)
    if block.activation:
        yield parameterless(block.outputs, side_px)


def _inverted(block: Inverted, inputs: int, before_px: int) -> Iterator[Layer]:
    side_px = divided(before_px, block.stride)
    if block.wide != inputs:
        yield from _convolution(Convolution(block.wide, activation=block.activation), inputs, before_px)
    middle = Convolution(block.wide, block.kernel, block.stride, block.activation, depthwise=True)
    yield from _convolution(middle, block.wide, before_px)
    yield from squeeze_excitation(block.wide, block.squeezed) if block.squeezed else ()
    yield from _convolution(Convolution(block.outputs), block.wide, side_px)


def _shuffle(block: Shuffle, inputs: int, before_px: int) -> Iterator[Layer]:
    half, side_px = block.outputs // 2, divided(before_px, block.stride)
    through = Convolution(half, activation="relu")
    if block.stride > 1:
        yield from _convolution(Convolution(inputs, 3, block.stride, depthwise=True), inputs, before_px)
        yield from _convolution(through, inputs, side_px)
    yield from _convolution(through, inputs if block.stride > 1 else half, before_px)
    yield from _convolution(Convolution(half, 3, block.stride, depthwise=True), half, before_px)
    yield from _convolution(through, half, side_px)


def _head(features: int, hidden: int, classes: int) -> Iterator[Layer]:
    """Global pooling, flattening, and one or two linear layers."""
    yield parameterless(features, 1)
    yield parameterless(features, 1)
    if hidden:
        yield Layer(features * hidden, hidden, 1, hidden)
        yield parameterless(hidden, 1)
    yield Layer((hidden or features) * classes, classes, 1, classes)
