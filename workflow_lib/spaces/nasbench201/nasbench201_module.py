"""Torch modules of networks of NAS-Bench-201 cells: a stem and three stages of equal cells, with reductions between."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from workflow_lib.spaces.nasbench201.nasbench201_cell import EDGES, KERNELS, STAGES, Cell, Skeleton


class CellNet(nn.Module):
    """One network, freshly initialised.

    Args:
        make_cell: channels -> a cell, freshly initialised.
        channels: bands of the input images.
        classes: number of outputs (logits).
        skeleton: width, cells per stage and stem strides.

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
        """Cells and the reductions between them, in order."""
        return [block for stage in self.stages for block in cast(nn.Sequential, stage)]

    def forward(self, x: Tensor) -> Tensor:
        """Classify images.

        Args:
            x: (n, channels, height, width) images.

        Returns:
            (n, classes) logits.
        """
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        logits: Tensor = self.fc(self.head(x))
        return logits


def stem(channels: int, width: int, strides: int) -> nn.Sequential:
    """Build the stem: 3 x 3 convolutions, each with a batch norm, and a ReLU between consecutive ones.

    Args:
        channels: bands of the input images.
        width: output channels of every convolution.
        strides: number of convolutions with stride 2; 0: one convolution with stride 1.
    """
    layers: list[nn.Module] = []
    for number in range(max(strides, 1)):
        layers += [nn.ReLU()] if number else []
        layers += [
            nn.Conv2d(width if number else channels, width, 3, stride=2 if strides else 1, padding=1, bias=False),
            nn.BatchNorm2d(width),
        ]
    return nn.Sequential(*layers)


class _CellModule(nn.Module):
    """A cell; each node is the sum of the outputs of its incoming edges."""

    def __init__(self, cell: Cell, width: int) -> None:
        super().__init__()
        self._operations = dict(zip(EDGES, cell.operations, strict=True))
        for (tail, head), operation in self._operations.items():
            if operation not in ("none", "skip"):
                pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
                layer = convolution(width, width, KERNELS[operation]) if operation in KERNELS else pool
                # The name includes the operation, so that a supernet can hold several operations of one edge.
                self.add_module(f"edge_{tail}_{head}_{operation}", layer)

    def forward(self, x: Tensor) -> Tensor:
        nodes = [x]
        for head in range(1, 4):
            outputs = [self._apply_edge(nodes[tail], tail, head) for tail in range(head)]
            present = [tensor for tensor in outputs if tensor is not None]
            nodes.append(sum(present[1:], present[0]) if present else torch.zeros_like(x))
        return nodes[3]

    def _apply_edge(self, x: Tensor, tail: int, head: int) -> Tensor | None:
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
        residual: Tensor = self.second(self.first(x))
        return residual + cast(Tensor, self.shortcut(x))


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Build a ReLU, a convolution without bias, and a batch norm.

    Args:
        inputs: input channels.
        outputs: output channels.
        kernel: kernel size (pixels); the padding keeps the side when the stride is 1.
        stride: stride (pixels).
    """
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


def to_module(cell: str, channels: int, classes: int, skeleton: Skeleton | None = None) -> CellNet:
    """Build the network of a cell, freshly initialised.

    Args:
        cell: id of the cell.
        channels: bands of the input images.
        classes: number of outputs (logits).
        skeleton: width, cells per stage and stem strides; the default is the benchmark's.

    Raises:
        ConfigError: if the text is not the id of a cell.
    """
    parsed = Cell.parse(cell)
    return CellNet(lambda width: _CellModule(parsed, width), channels, classes, skeleton or Skeleton())
