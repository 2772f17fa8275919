"""Folded networks, which take several images at once as one image with more channels."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn


class FoldedNet(nn.Module):
    """A network that stacks `images` images in its input channels: a batch of N becomes one of N / images.

    Widths grow with the square root of `images`. Each layer then has as many multiply-adds per image as before, on
    fewer and wider inputs, so it moves fewer bytes. Stem and head have more multiply-adds, because their number of
    input or output channels grows by `images`.

    Args:
        inner: (channels, classes, width factor) -> the network that is folded; its channels and classes are `images`
            times those of one image.
        channels: bands of one image.
        classes: number of outputs for one image.
        images: number of images folded into one; a square number, so that widths stay integers.

    Raises:
        ValueError: if `images` is not a square number.

    Source: Kosaian and Phanishayee, A Study on the Intersection of GPU Utilization and CNN Inference, section 3.3.
        A batch that is not a multiple of `images` is padded with its first image, and the extra outputs are dropped.
    """

    def __init__(self, inner: Callable[[int, int, int], nn.Module], channels: int, classes: int, images: int) -> None:
        super().__init__()
        self.images, self._classes = images, classes
        self.inner = inner(channels * images, classes * images, width_factor(images))

    def forward(self, x: Tensor) -> Tensor:
        """Classify images.

        Args:
            x: (n, channels, height, width) images.

        Returns:
            (n, classes) logits.
        """
        count, channels, height, width = x.shape
        missing = -count % self.images
        if missing:
            x = torch.cat([x, x[:1].expand(missing, -1, -1, -1)])
        folded = x.reshape(-1, self.images * channels, height, width)
        logits: Tensor = self.inner(folded)
        return logits.reshape(-1, self._classes)[:count]


def width_factor(images: int) -> int:
    """Factor by which folding grows widths: the square root of `images`.

    >>> width_factor(9)
    3

    Raises:
        ValueError: if `images` is not a square number.
    """
    root = math.isqrt(images)
    if root**2 != images:
        raise ValueError(f"{images} images cannot be folded: give a square number, such as 4 or 9")
    return root


def folded_images(network: nn.Module) -> int:
    """Number of images that a network folds into one; 1 if it is not folded."""
    return network.images if isinstance(network, FoldedNet) else 1
