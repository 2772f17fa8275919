"""Torch modules of the CROSS space: ResNet-18 with a searched stem and no ReLU after the residual additions."""

from dataclasses import replace

from torch import Tensor, nn

from workflow_lib.spaces.cross.cross_architecture import Architecture
from workflow_lib.spaces.cross.folded_net import FoldedNet


class CrossNet(nn.Module):
    """One network of the CROSS space, freshly initialised.

    The submodule names and the use of `view` determine the exact size of the exported ONNX file, and thus the paper's
    memory column: with `flatten` every file would be 105 bytes smaller, and with biases in the convolutions 7 to 15 kB
    larger.

    Args:
        architecture: settings of the stem, and the width.
        channels: bands of the input images.
        classes: number of outputs (logits).

    Source: Li et al. 2023 (CROSS), and the file sizes in its tables; differs from ResNet-18 (He et al. 2016) in: the
        stem, and no ReLU after the residual additions.
    """

    def __init__(self, architecture: Architecture, channels: int, classes: int) -> None:
        super().__init__()
        first, width, pool = architecture, architecture.width, architecture.pool
        self.conv1 = nn.Conv2d(
            channels, width, first.kernel_size, stride=first.stride, padding=first.padding, bias=False
        )
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.poolchoice = nn.Identity() if pool is None else nn.MaxPool2d(pool[0], pool[1], padding=1)
        self.block1 = _block(width, width)
        self.block2 = _block(width, width)
        self.block3 = _block(width, width * 2, stride=2)
        self.block4 = _block(width * 2, width * 2)
        self.block5 = _block(width * 2, width * 4, stride=2)
        self.block6 = _block(width * 4, width * 4)
        self.block7 = _block(width * 4, width * 8, stride=2)
        self.block8 = _block(width * 8, width * 8)
        self.ds2 = _shortcut(width, width * 2)
        self.ds3 = _shortcut(width * 2, width * 4)
        self.ds4 = _shortcut(width * 4, width * 8)
        self.adaptivepool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width * 8, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Classify images.

        Args:
            x: (n, channels, height, width) images.

        Returns:
            (n, classes) logits.
        """
        x = self.poolchoice(self.relu(self.bn1(self.conv1(x))))
        x = self.block1(x) + x
        x = self.block2(x) + x
        x = self.block3(x) + self.ds2(x)
        x = self.block4(x) + x
        x = self.block5(x) + self.ds3(x)
        x = self.block6(x) + x
        x = self.block7(x) + self.ds4(x)
        x = self.block8(x) + x
        x = self.adaptivepool(x)
        logits: Tensor = self.fc(x.view(x.size(0), -1))
        return logits


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
    )


def _shortcut(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=2, bias=False), nn.BatchNorm2d(outputs))


def to_module(architecture: str, channels: int, classes: int) -> CrossNet | FoldedNet:
    """Build the network of an id, freshly initialised.

    Args:
        architecture: id of the network.
        channels: bands of the input images.
        classes: number of outputs (logits).

    Raises:
        ConfigError: if the text is not an id of the space.
    """
    parsed = Architecture.parse(architecture)
    if parsed.fold == 1:
        return CrossNet(parsed, channels, classes)

    def widened(channels: int, classes: int, factor: int) -> CrossNet:
        return CrossNet(replace(parsed, fold=1, width=parsed.width * factor), channels, classes)

    return FoldedNet(widened, channels, classes, parsed.fold)
