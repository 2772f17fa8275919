"""Networks of NAS-Bench-201 cells: a stem, three stages of equal cells, twice halved in side."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from workflow_lib.spaces.nasbench201.nasbench201_cell import EDGES, KERNELS, STAGES, Cell, Skeleton


class CellNet(nn.Module):
    """One network, freshly initialised.

    Args:
        make_cell: channels -> a cell; all stages repeat it.
        channels: bands of the input images.
        classes: number of outputs (logits).
        skeleton: its size; the default is the benchmark's.

    Source: Dong and Yang 2020, section 2.
    """

    def __init__(self, make_cell: Callable[[int], nn.Module], channels: int, classes: int, skeleton: Skeleton) -> None:
        super().__init__()
        width = skeleton.width
        self.stem = stem(channels, width, skeleton.stem_strides)
        self.stages = nn.ModuleList()
        for stage in range(STAGES):
            blocks: list[nn.Module] = [] if stage == 0 else [_Reduction(width * 2 ** (stage - 1))]
            blocks += [make_cell(width * 2**stage) for _ in range(skeleton.cells)]
            self.stages.append(nn.Sequential(*blocks))
        self.head = nn.Sequential(nn.BatchNorm2d(4 * width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(4 * width, classes)

    @property
    def blocks(self) -> list[nn.Module]:
        """Cells and what halves sides between them, in their order."""
        return [block for stage in self.stages for block in cast(nn.Sequential, stage)]

    def forward(self, x: Tensor) -> Tensor:
        """Classify images: (n, channels, height, width) to (n, classes)."""
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        logits: Tensor = self.fc(self.head(x))
        return logits


def stem(channels: int, width: int, strides: int) -> nn.Sequential:
    """Convolutions of 3 x 3 with norms: as many of stride 2 as asked for, or one of stride 1."""
    layers: list[nn.Module] = []
    for number in range(max(strides, 1)):
        layers += [nn.ReLU()] if number else []
        layers += [
            nn.Conv2d(width if number else channels, width, 3, stride=2 if strides else 1, padding=1, bias=False),
            nn.BatchNorm2d(width),
        ]
    return nn.Sequential(*layers)


class _CellModule(nn.Module):
    """A cell: each node is the sum of what its edges bring."""

    def __init__(self, cell: Cell, width: int) -> None:
        super().__init__()
        self._operations = dict(zip(EDGES, cell.operations, strict=True))
        for (tail, head), operation in self._operations.items():
            if operation not in ("none", "skip"):
                pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
                layer = convolution(width, width, KERNELS[operation]) if operation in KERNELS else pool
                # Its name tells operations apart, so that a supernet can hold them side by side.
                self.add_module(f"edge_{tail}_{head}_{operation}", layer)

    def forward(self, x: Tensor) -> Tensor:
        nodes = [x]
        for head in range(1, 4):
            brought = [self._bring(nodes[tail], tail, head) for tail in range(head)]
            present = [tensor for tensor in brought if tensor is not None]
            nodes.append(sum(present[1:], present[0]) if present else torch.zeros_like(x))
        return nodes[3]

    def _bring(self, x: Tensor, tail: int, head: int) -> Tensor | None:
        operation = self._operations[tail, head]
        if operation == "none":
            return None
        if operation == "skip":
            return x
        return cast(Tensor, self.get_submodule(f"edge_{tail}_{head}_{operation}")(x))


class _Reduction(nn.Module):
    """A residual block that halves the side and doubles the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = convolution(width, 2 * width, 3, stride=2)
        self.second = convolution(2 * width, 2 * width, 3)
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, 2, ceil_mode=True), nn.Conv2d(width, 2 * width, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        bent: Tensor = self.second(self.first(x))
        return bent + cast(Tensor, self.shortcut(x))


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution without bias that keeps the side (but for its stride), batch norm."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


def to_module(cell: str, channels: int, classes: int, skeleton: Skeleton | None = None) -> CellNet:
    """Build the network of an id, freshly initialised.

    Raises:
        ConfigError: if the text is no id of the space.
    """
    parsed = Cell.parse(cell)
    return CellNet(lambda width: _CellModule(parsed, width), channels, classes, skeleton or Skeleton())
