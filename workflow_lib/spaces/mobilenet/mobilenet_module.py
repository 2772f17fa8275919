"""Torch modules of chains of MobileNetV2 blocks, the space of ProxylessNAS."""

from torch import Tensor, nn

from workflow_lib.spaces.mobilenet.mobilenet_chain import EXPANSIONS_AND_KERNELS, FIRST, LAST, SKIP, STAGES, STEM, Chain


class ChainNet(nn.Module):
    """One network, freshly initialised.

    Args:
        chain: operation of each block.
        channels: bands of the input images.
        classes: number of outputs (logits).

    Source: Cai et al. 2019 (ProxylessNAS); blocks as in Sandler et al. 2018 (MobileNetV2).
    """

    def __init__(self, chain: Chain, channels: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_convolution(channels, STEM, 3, stride=2), nn.ReLU6())
        self.first = _Block(STEM, FIRST, 1, 3, 1)
        self.blocks = nn.Sequential()
        width, operations = FIRST, enumerate(chain.operations)
        for stage in STAGES:
            for place in range(stage.blocks):
                number, operation = next(operations)
                if operation != SKIP:
                    expansion, kernel = EXPANSIONS_AND_KERNELS[operation]
                    block = _Block(width, stage.width, expansion, kernel, 1 if place else stage.stride)
                    # The name includes the operation, so that a supernet can hold several operations of one block.
                    self.blocks.add_module(f"{number}_{operation}", block)
                width = stage.width
        self.last = nn.Sequential(*_convolution(width, LAST, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(LAST, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Classify images.

        Args:
            x: (n, channels, height, width) images.

        Returns:
            (n, classes) logits.
        """
        logits: Tensor = self.fc(self.last(self.blocks(self.first(self.stem(x)))))
        return logits


class _Block(nn.Module):
    """An inverted residual block: expand, depthwise convolution, project; adds its input if the shapes match."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self._adds_input = inputs == outputs and stride == 1
        self.layers = nn.Sequential(
            *((*_convolution(inputs, inner, 1), nn.ReLU6()) if expansion > 1 else ()),
            *_convolution(inner, inner, kernel, stride, groups=inner),
            nn.ReLU6(),
            *_convolution(inner, outputs, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.layers(x)
        return output + x if self._adds_input else output


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> tuple[nn.Module, nn.Module]:
    return (
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    )


def to_module(chain: str, channels: int, classes: int) -> ChainNet:
    """Build the network of an id, freshly initialised.

    Args:
        chain: id of the network.
        channels: bands of the input images.
        classes: number of outputs (logits).

    Raises:
        ConfigError: if the text is not an id of the space.
    """
    return ChainNet(Chain.parse(chain), channels, classes)
