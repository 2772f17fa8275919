"""Published networks as torch modules."""

import torch
from torch import Tensor, nn

from workflow_lib.spaces.compact.squeeze_excitation import SqueezeExcitation
from workflow_lib.spaces.published.published_network import (
    Block,
    Convolution,
    Inverted,
    Pool,
    PublishedNetwork,
    Shuffle,
)


class HardSwish(nn.Module):
    """Hard swish in the operators that nn-Meter recognises: x * relu6(x + 3) / 6."""

    def __init__(self) -> None:
        super().__init__()
        self.relu6 = nn.ReLU6()

    def forward(self, x: Tensor) -> Tensor:
        """Apply it to features of any shape."""
        features: Tensor = x * (self.relu6(x + 3) / 6)
        return features


_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "relu6": nn.ReLU6, "hardswish": HardSwish}


class PublishedNet(nn.Module):
    """One published network, freshly initialised; without the dropout of its authors' training.

    Args:
        network: its blocks.
        channels: bands of the input images.
        classes: number of outputs (logits).
    """

    def __init__(self, network: PublishedNetwork, channels: int, classes: int) -> None:
        super().__init__()
        blocks, inputs = [], channels
        for block in network.blocks:
            module, inputs = _build(block, inputs)
            blocks.append(module)
        self.blocks = nn.Sequential(*blocks)
        hidden = [nn.Linear(inputs, network.hidden), HardSwish()] if network.hidden else []
        last = nn.Linear(network.hidden or inputs, classes)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), *hidden, last)

    def forward(self, x: Tensor) -> Tensor:
        """Classify images.

        Args:
            x: (n, channels, height, width) images.

        Returns:
            (n, classes) logits.
        """
        logits: Tensor = self.head(self.blocks(x))
        return logits


def _build(block: Block, inputs: int) -> tuple[nn.Module, int]:
    """Build a block; return it and its output channels."""
    match block:
        case Convolution():
            return nn.Sequential(*_convolution(block, inputs)), inputs if block.depthwise else block.outputs
        case Inverted():
            return InvertedBottleneck(block, inputs), block.outputs
        case Shuffle():
            return ShuffleUnit(block, inputs), block.outputs
        case Pool():
            return nn.MaxPool2d(3, 2, padding=1), inputs


def _convolution(block: Convolution, inputs: int) -> list[nn.Module]:
    groups = inputs if block.depthwise else 1
    outputs = inputs if block.depthwise else block.outputs
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, block.kernel, block.stride, block.kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return [*layers, *([_ACTIVATIONS[block.activation]()] if block.activation else [])]


class InvertedBottleneck(nn.Module):
    """An inverted bottleneck; see `published_network.Inverted`."""

    def __init__(self, block: Inverted, inputs: int) -> None:
        super().__init__()
        widened = _convolution(Convolution(block.wide, activation=block.activation), inputs)
        middle = Convolution(block.wide, block.kernel, block.stride, block.activation, depthwise=True)
        squeeze = [SqueezeExcitation(block.wide, block.squeezed)] if block.squeezed else []
        self.layers = nn.Sequential(
            *(widened if block.wide != inputs else []),
            *_convolution(middle, block.wide),
            *squeeze,
            *_convolution(Convolution(block.outputs), block.wide),
        )
        self.adds = block.stride == 1 and inputs == block.outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) features to features of the next block."""
        features: Tensor = self.layers(x)
        return features + x if self.adds else features


class ShuffleUnit(nn.Module):
    """A unit of ShuffleNetV2; see `published_network.Shuffle`."""

    def __init__(self, block: Shuffle, inputs: int) -> None:
        super().__init__()
        self.channels = half = block.outputs // 2
        stride = block.stride
        seen = inputs if stride > 1 else half
        through = Convolution(half, activation="relu")
        self.halves = stride == 1
        shrunk = [*_convolution(Convolution(inputs, 3, stride, depthwise=True), inputs), *_convolution(through, inputs)]
        self.left = nn.Identity() if self.halves else nn.Sequential(*shrunk)
        self.right = nn.Sequential(
            *_convolution(through, seen),
            *_convolution(Convolution(half, 3, stride, depthwise=True), half),
            *_convolution(through, half),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) features to features of the next unit."""
        left, right = torch.split(x, self.channels, dim=1) if self.halves else (x, x)
        joined = torch.cat((self.left(left), self.right(right)), dim=1)
        # As constants, the sides leave a reshape, a transpose and a reshape in the exported file, which nn-Meter knows.
        height, width = (int(side) for side in joined.shape[2:])
        interleaved = joined.view(-1, 2, self.channels, height, width).transpose(1, 2)
        return interleaved.reshape(-1, 2 * self.channels, height, width)
