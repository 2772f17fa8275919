"""Networks that look at several images at once, as if they were one with more channels."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn


class FoldedNet(nn.Module):
    """A network with `images` images stacked in its channels: batch N becomes N / images.

    Widths grow with the square root of `images`, so each layer multiplies as much per image as before, over fewer and
    wider inputs: it moves fewer bytes for it. Stem and head, whose other side grows too, do more.

    Args:
        inner: channels, classes, width factor -> the network that is folded; it gets `images` times the channels and
            classes.
        channels: bands of one image.
        classes: number of outputs for one image.
        images: how many are folded into one; a square, so that widths stay whole.

    Raises:
        ValueError: if `images` is no square.

    Source: Kosaian and Phanishayee, A Study on the Intersection of GPU Utilization and CNN Inference, section 3.3; a
        batch that is no multiple of `images` is filled up with its first image, whose further outputs are dropped.
    """

    def __init__(self, inner: Callable[[int, int, int], nn.Module], channels: int, classes: int, images: int) -> None:
        super().__init__()
        self.images, self._classes = images, classes
        self.inner = inner(channels * images, classes * images, width_factor(images))

    def forward(self, x: Tensor) -> Tensor:
        """Classify images: (n, channels, height, width) to (n, classes)."""
        count, channels, height, width = x.shape
        missing = -count % self.images
        if missing:
            x = torch.cat([x, x[:1].expand(missing, -1, -1, -1)])
        folded = x.reshape(-1, self.images * channels, height, width)
        logits: Tensor = self.inner(folded)
        return logits.reshape(-1, self._classes)[:count]


def width_factor(images: int) -> int:
    """By what widths grow.

    Raises:
        ValueError: if it were no whole number.
    """
    root = math.isqrt(images)
    if root**2 != images:
        raise ValueError(f"{images} images cannot be folded: widths grow with the root of a square, such as 4 or 9")
    return root


def images_at_once(network: nn.Module) -> int:
    """How many images a network takes as one; 1 if it is not folded."""
    return network.images if isinstance(network, FoldedNet) else 1
