"""Compact networks as torch modules."""

from collections.abc import Iterator

from torch import Tensor, nn

from workflow_lib.spaces.compact.compact_network import CompactNetwork, squeezed
from workflow_lib.spaces.compact.squeeze_excitation import SqueezeExcitation


class CompactNet(nn.Module):
    """One compact network, freshly initialised.

    Args:
        network: what varies between networks.
        channels: bands of the input images.
        classes: number of outputs (logits).

    Source: residual blocks of He et al. 2016, separable convolutions of Howard et al. 2017 (MobileNet), inverted
        bottlenecks of Sandler et al. 2018 (MobileNetV2, with ReLU for ReLU6), squeeze-and-excitation of Hu et al. 2018
        with the hard sigmoid of Howard et al. 2019 (MobileNetV3), which nn-Meter detects.
    """

    def __init__(self, network: CompactNetwork, channels: int, classes: int) -> None:
        super().__init__()
        pool = [nn.MaxPool2d(3, 2, padding=1)] if network.pool else []
        stem = _convolution(channels, network.width, network.kernel, network.stride)
        self.stem = nn.Sequential(*stem, nn.ReLU(), *pool)
        self.stages = nn.Sequential(*_blocks(network))
        features = network.stage_widths()[-1]
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Classify images.

        Args:
            x: (n, channels, height, width) images.

        Returns:
            (n, classes) logits.
        """
        logits: Tensor = self.head(self.stages(self.stem(x)))
        return logits


class Residual(nn.Module):
    """A block and its shortcut, added.

    Args:
        body: layers of the block.
        shortcut: layers of the shortcut.
        relu: layer after the addition.
    """

    def __init__(self, body: nn.Module, shortcut: nn.Module, relu: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut, self.relu = body, shortcut, relu

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) features to features of the next block."""
        features: Tensor = self.relu(self.body(x) + self.shortcut(x))
        return features


def _blocks(network: CompactNetwork) -> Iterator[nn.Module]:
    inputs = network.width
    for stage, outputs in enumerate(network.stage_widths()):
        for block in range(network.blocks):
            stride = 2 if stage and not block else 1
            layers = (
                _inverted(network, inputs, outputs, stride)
                if network.expansion
                else _plain(network, inputs, outputs, stride)
            )
            body = nn.Sequential(*layers, *([SqueezeExcitation(outputs, squeezed(outputs))] if network.squeeze else []))
            same_shape = stride == 1 and inputs == outputs
            if network.expansion:
                yield Residual(body, nn.Identity(), nn.Identity()) if same_shape else body
            else:
                shortcut = nn.Identity() if same_shape else nn.Sequential(*_convolution(inputs, outputs, 1, stride))
                yield Residual(body, shortcut, nn.ReLU())
            inputs = outputs


def _plain(network: CompactNetwork, inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    """Two convolutions of 3 x 3, or two depthwise separable ones."""
    convolution = _convolution if network.block == "basic" else _separable
    return [*convolution(inputs, outputs, 3, stride), nn.ReLU(), *convolution(outputs, outputs, 3, 1)]


def _inverted(network: CompactNetwork, inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    """Widen, convolve each channel by itself, and narrow."""
    wide = inputs * network.expansion
    return [
        *_convolution(inputs, wide, 1, 1), nn.ReLU(),
        *_convolution(wide, wide, 3, stride, groups=wide), nn.ReLU(),
        *_convolution(wide, outputs, 1, 1),
    ]  # fmt: skip


def _separable(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
    return [
        *_convolution(inputs, inputs, kernel, stride, groups=inputs),
        nn.ReLU(),
        *_convolution(inputs, outputs, 1, 1),
    ]


def _convolution(inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> list[nn.Module]:
    """A convolution that keeps the side or divides it by the stride, and its norm."""
    return [
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
