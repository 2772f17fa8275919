"""Published networks as lists of blocks, from which both the torch module and the costs are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workflow_lib.core.errors import ConfigError

PREFIX = "published-"


@dataclass(frozen=True)
class Convolution:
    """A convolution with a padding of half its kernel, a batch norm, and an activation.

    Attributes:
        outputs: output channels.
        kernel, stride: of the convolution (pixels).
        activation: "relu", "relu6" or "hardswish"; empty: none.
        depthwise: whether each channel is convolved by itself.
    """

    outputs: int
    kernel: int = 1
    stride: int = 1
    activation: str = ""
    depthwise: bool = False


@dataclass(frozen=True)
class Inverted:
    """An inverted bottleneck: widen, convolve each channel by itself, squeeze and excite, and narrow.

    Attributes:
        wide: channels in the middle; equal to the input channels: nothing is widened.
        outputs: output channels; if they equal the input channels and the stride is 1, the input is added.
        kernel, stride: of the convolution in the middle (pixels).
        activation: as in `Convolution`.
        squeezed: channels inside squeeze-and-excitation; 0: none.
    """

    wide: int
    outputs: int
    kernel: int
    stride: int
    activation: str
    squeezed: int = 0


@dataclass(frozen=True)
class Shuffle:
    """A unit of ShuffleNetV2: two branches of half the output channels, which are then interleaved.

    Attributes:
        outputs: output channels.
        stride: 1: half of the input channels pass unchanged; 2: both branches see all of them.
    """

    outputs: int
    stride: int


@dataclass(frozen=True)
class Pool:
    """Max-pooling with kernel 3, stride 2 and padding 1."""


Block = Convolution | Inverted | Shuffle | Pool


@dataclass(frozen=True)
class PublishedNetwork:
    """One published network.

    Attributes:
        name: its id without the prefix.
        source: where it was published.
        blocks: blocks before the global pooling.
        hidden: width of a hidden linear layer with hard swish in the head; 0: none.
    """

    name: str
    source: str
    blocks: Sequence[Block]
    hidden: int = 0

    def __str__(self) -> str:
        return PREFIX + self.name

    @classmethod
    def parse(cls, text: str) -> PublishedNetwork:
        """Find the network with an id.

        Raises:
            ConfigError: if there is none.
        """
        name = text.removeprefix(PREFIX)
        if name not in NETWORKS:
            known = ", ".join(PREFIX + other for other in NETWORKS)
            raise ConfigError("no such published network", text, f"known are {known}")
        return NETWORKS[name]()


def divisible(channels: float, divisor: int = 8) -> int:
    """Round to a multiple of 8 without losing more than a tenth (Sandler et al. 2018, their code).

    >>> divisible(11.2), divisible(33.6)
    (16, 32)
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def mobilenet_v2(width: float) -> PublishedNetwork:
    """MobileNetV2 with all channels times `width`."""
    settings = [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]
    scaled = [(wider, divisible(width * outputs), count, stride, 3) for wider, outputs, count, stride in settings]
    stem, last = divisible(32 * width), divisible(1280 * max(width, 1.0))
    return PublishedNetwork(
        f"mobilenetv2-{width}", "Sandler et al. 2018, table 2", _inverted_stages(stem, scaled, last)
    )


def efficientnet_lite0() -> PublishedNetwork:
    """EfficientNet-lite0: EfficientNet-B0 without squeeze-and-excitation, with ReLU6."""
    stages = [
        (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
        (6, 320, 1, 1, 3),
    ]  # fmt: skip
    source = "Tan and Le 2019, table 1, as changed in the code of EfficientNet-lite (Liu 2020)"
    return PublishedNetwork("efficientnet-lite0", source, _inverted_stages(32, stages, 1280))


def _inverted_stages(stem: int, stages: Sequence[tuple[int, int, int, int, int]], last: int) -> list[Block]:
    """Blocks of a network of inverted bottlenecks with ReLU6.

    Args:
        stem: channels of the first convolution.
        stages: expansion, output channels, number of blocks, stride of the first block, and kernel of each stage.
        last: channels of the last convolution.
    """
    blocks: list[Block] = [Convolution(stem, 3, 2, "relu6")]
    inputs = stem
    for wider, outputs, count, stride, kernel in stages:
        for number in range(count):
            blocks.append(Inverted(wider * inputs, outputs, kernel, 1 if number else stride, "relu6"))
            inputs = outputs
    return [*blocks, Convolution(last, activation="relu6")]


def mobilenet_v3_small() -> PublishedNetwork:
    """MobileNetV3-small."""
    rows = [
        (16, 16, 3, 2, "relu", True), (72, 24, 3, 2, "relu", False), (88, 24, 3, 1, "relu", False),
        (96, 40, 5, 2, "hardswish", True), (240, 40, 5, 1, "hardswish", True), (240, 40, 5, 1, "hardswish", True),
        (120, 48, 5, 1, "hardswish", True), (144, 48, 5, 1, "hardswish", True), (288, 96, 5, 2, "hardswish", True),
        (576, 96, 5, 1, "hardswish", True), (576, 96, 5, 1, "hardswish", True),
    ]  # fmt: skip
    bottlenecks = [
        Inverted(wide, outputs, kernel, stride, activation, divisible(wide / 4) if squeezes else 0)
        for wide, outputs, kernel, stride, activation, squeezes in rows
    ]
    blocks: list[Block] = [Convolution(16, 3, 2, "hardswish"), *bottlenecks, Convolution(576, activation="hardswish")]
    return PublishedNetwork("mobilenetv3-small", "Howard et al. 2019, table 2", blocks, hidden=1024)


def shufflenet_v2() -> PublishedNetwork:
    """ShuffleNetV2 0.5x."""
    units = [
        Shuffle(outputs, 1 if number else 2)
        for outputs, count in ((48, 4), (96, 8), (192, 4))
        for number in range(count)
    ]
    blocks: list[Block] = [Convolution(24, 3, 2, "relu"), Pool(), *units, Convolution(1024, activation="relu")]
    return PublishedNetwork("shufflenetv2-0.5", "Ma et al. 2018, table 5", blocks)


NETWORKS: dict[str, Callable[[], PublishedNetwork]] = {
    "mobilenetv2-0.35": lambda: mobilenet_v2(0.35),
    "mobilenetv2-1.0": lambda: mobilenet_v2(1.0),
    "mobilenetv3-small": mobilenet_v3_small,
    "shufflenetv2-0.5": shufflenet_v2,
    "efficientnet-lite0": efficientnet_lite0,
}
"""Name -> function that makes the network."""
