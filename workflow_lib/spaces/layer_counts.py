"""Costs of single layers, computed without torch; the costs of networks are sums of them."""

from dataclasses import dataclass

from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton, halved


@dataclass(frozen=True)
class Layer:
    """Counts of one layer.

    Attributes:
        weights: parameters that take part in one multiply-add per output position.
        others: all other parameters.
        side_px: side of its output (pixels).
        outputs: number of output values for one image.
    """

    weights: int
    others: int
    side_px: int
    outputs: int

    @property
    def parameters(self) -> int:
        """Number of trainable parameters."""
        return self.weights + self.others

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds for one image; only convolutions and linear layers have any."""
        return self.weights * self.side_px**2


def parameterless(channels: int, side_px: int) -> Layer:
    """ReLU or pooling layer."""
    return Layer(0, 0, side_px, channels * side_px**2)


def convolution(weights: int, channels: int, side_px: int) -> Layer:
    """Convolution without bias.

    Args:
        weights: number of weights.
        channels: output channels.
        side_px: side of the output (pixels).

    >>> convolution(9 * 3 * 16, channels=16, side_px=32).multiply_adds
    442368
    """
    return Layer(weights, 0, side_px, channels * side_px**2)


def norm(channels: int, side_px: int) -> Layer:
    """Batch-norm layer."""
    return Layer(0, 2 * channels, side_px, channels * side_px**2)


def stem(skeleton: Skeleton, channels: int, width: int, size_px: int) -> list[Layer]:
    """Layers of the stem: 3 x 3 convolutions, each with a batch norm, and a ReLU between consecutive ones.

    Args:
        skeleton: gives the number of convolutions and whether they halve the side.
        channels: bands of the input images.
        width: output channels of every convolution.
        size_px: side of the input images (pixels).
    """
    layers, side_px = [], size_px
    for number in range(max(skeleton.stem_strides, 1)):
        layers += [parameterless(width, side_px)] if number else []
        side_px = halved(side_px) if skeleton.stem_strides else side_px
        layers += [convolution(9 * (width if number else channels) * width, width, side_px), norm(width, side_px)]
    return layers


def head(features: int, classes: int) -> list[Layer]:
    """Layers of the head: global pooling, flattening and the linear layer."""
    return [parameterless(features, 1), parameterless(features, 1), Layer(features * classes, classes, 1, classes)]


def squeeze_excitation(channels: int, squeezed: int) -> list[Layer]:
    """Layers of a gate: global pooling, two convolutions of 1 x 1 with biases, ReLU and hard sigmoid."""
    return [
        parameterless(channels, 1),
        Layer(channels * squeezed, squeezed, 1, squeezed),
        parameterless(squeezed, 1),
        Layer(squeezed * channels, channels, 1, channels),
        parameterless(channels, 1),
    ]


def divided(side_px: int, stride: int) -> int:
    """Side after a convolution or pooling with an odd kernel and a padding of half of it.

    >>> divided(5, stride=2)
    3
    """
    return (side_px - 1) // stride + 1
