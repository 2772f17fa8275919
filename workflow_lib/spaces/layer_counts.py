"""Layers as they are counted without torch: what the costs of networks of cells add up."""

from dataclasses import dataclass

from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton, halved


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        weights: used once at every place of its output.
        others: parameters beside these.
        side_px: of its output.
        outputs: numbers that it puts out for one image.
    """

    weights: int
    others: int
    side_px: int
    outputs: int

    @property
    def parameters(self) -> int:
        """That are trained."""
        return self.weights + self.others

    @property
    def multiply_adds(self) -> int:
        """For one image, of convolutions and the linear layer."""
        return self.weights * self.side_px**2


def mapped(channels: int, side_px: int) -> Layer:
    """ReLU or pooling."""
    return Layer(0, 0, side_px, channels * side_px**2)


def convolution(weights: int, channels: int, side_px: int) -> Layer:
    """Without bias."""
    return Layer(weights, 0, side_px, channels * side_px**2)


def norm(channels: int, side_px: int) -> Layer:
    """Batch norm."""
    return Layer(0, 2 * channels, side_px, channels * side_px**2)


def stem(skeleton: Skeleton, channels: int, width: int, size_px: int) -> list[Layer]:
    """Convolutions of 3 x 3 with norms, a ReLU between two.

    Args:
        skeleton: says how many, and whether they halve the side.
        channels, size_px: of the images.
        width: channels of all of them.
    """
    layers, side_px = [], size_px
    for number in range(max(skeleton.stem_strides, 1)):
        layers += [mapped(width, side_px)] if number else []
        side_px = halved(side_px) if skeleton.stem_strides else side_px
        layers += [convolution(9 * (width if number else channels) * width, width, side_px), norm(width, side_px)]
    return layers


def head(features: int, classes: int) -> list[Layer]:
    """Global pooling, flattening and the linear layer."""
    return [mapped(features, 1), mapped(features, 1), Layer(features * classes, classes, 1, classes)]
