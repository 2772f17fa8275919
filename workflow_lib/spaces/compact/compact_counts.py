"""What compact networks cost, counted layer by layer without torch."""

from collections.abc import Iterator

from workflow_lib.spaces.compact.compact_network import CompactNetwork, squeezed
from workflow_lib.spaces.layer_counts import Layer, convolution, divided, head, norm, parameterless, squeeze_excitation
from workflow_lib.spaces.network_counts import Costs


def count(network: CompactNetwork, channels: int, classes: int, size_px: int) -> Costs:
    """Count what `compact_module.CompactNet` costs for one chip; tests compare with torch's counters.

    Args:
        network: the network.
        channels: bands of the chips.
        classes: number of outputs.
        size_px: side of the chips (pixels).
    """
    layers = list(_layers(network, channels, classes, size_px))
    return Costs(
        sum(layer.multiply_adds for layer in layers),
        sum(layer.outputs for layer in layers),
        sum(layer.parameters for layer in layers),
    )


def _layers(network: CompactNetwork, channels: int, classes: int, size_px: int) -> Iterator[Layer]:
    width = inputs = network.width
    side_px = divided(size_px, network.stride)
    yield from _convolved(network.kernel**2 * channels * width, width, side_px)
    yield parameterless(width, side_px)
    if network.pool:
        side_px = divided(side_px, 2)
        yield parameterless(width, side_px)
    for stage, outputs in enumerate(network.stage_widths()):
        for block in range(network.blocks):
            stride = 2 if stage and not block else 1
            before_px, side_px = side_px, divided(side_px, stride)
            if network.expansion:
                yield from _inverted(network.expansion * inputs, inputs, outputs, before_px, side_px)
            else:
                yield from _plain(network.block, inputs, outputs, side_px)
                if inputs != outputs or stride > 1:
                    yield from _convolved(inputs * outputs, outputs, side_px)
                yield parameterless(outputs, side_px)
            yield from squeeze_excitation(outputs, squeezed(outputs)) if network.squeeze else ()
            inputs = outputs
    yield from head(inputs, classes)


def _plain(block: str, inputs: int, outputs: int, side_px: int) -> Iterator[Layer]:
    """Two convolutions of 3 x 3 with a ReLU between them, or two depthwise separable ones."""
    for position, channels in enumerate((inputs, outputs)):
        if position:
            yield parameterless(outputs, side_px)
        if block == "basic":
            yield from _convolved(9 * channels * outputs, outputs, side_px)
        else:
            yield from _convolved(9 * channels, channels, side_px)
            yield parameterless(channels, side_px)
            yield from _convolved(channels * outputs, outputs, side_px)


def _inverted(wide: int, inputs: int, outputs: int, before_px: int, side_px: int) -> Iterator[Layer]:
    yield from _convolved(inputs * wide, wide, before_px)
    yield parameterless(wide, before_px)
    yield from _convolved(9 * wide, wide, side_px)
    yield parameterless(wide, side_px)
    yield from _convolved(wide * outputs, outputs, side_px)


def _convolved(weights: int, outputs: int, side_px: int) -> Iterator[Layer]:
    yield convolution(weights, outputs, side_px)
    yield norm(outputs, side_px)
