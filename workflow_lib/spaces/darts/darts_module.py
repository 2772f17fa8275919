"""Torch modules of networks of DARTS cells: a stem and three stages of normal cells, with reduction cells between."""

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from workflow_lib.spaces.darts.darts_cell import INPUTS, NODES, CellNetwork
from workflow_lib.spaces.darts.darts_counts import STEM, Place, places
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.spaces.nasbench201.nasbench201_module import convolution, stem


class DartsNet(nn.Module):
    """One network, freshly initialised.

    Args:
        make_cell: position -> a cell, called with the outputs of the two preceding cells.
        channels: bands of the input images.
        classes: number of outputs (logits).
        skeleton: width, cells per stage and stem strides.

    Source: Liu, Simonyan and Yang 2019, section 3; differs from it in: sides are halved by average pooling before a
        1 x 1 convolution, not by two strided convolutions of shifted maps, which no latency predictor supports;
        poolings are not followed by a batch norm.
    """

    def __init__(
        self, make_cell: Callable[[Place], nn.Module], channels: int, classes: int, skeleton: Skeleton
    ) -> None:
        super().__init__()
        self.stem = stem(channels, STEM * skeleton.width, skeleton.stem_strides)
        positions = list(places(skeleton, first_px=1))
        self.cells = nn.ModuleList(make_cell(place) for place in positions)
        features = NODES * positions[-1].width
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(features, classes)

    @property
    def blocks(self) -> list[nn.Module]:
        """The cells, in order."""
        return list(self.cells)

    def forward(self, x: Tensor) -> Tensor:
        """Classify images.

        Args:
            x: (n, channels, height, width) images.

        Returns:
            (n, classes) logits.
        """
        before = last = self.stem(x)
        for cell in self.cells:
            before, last = last, cell(before, last)
        logits: Tensor = self.fc(self.head(last))
        return logits


class DartsCell(nn.Module):
    """The frame of a cell: adapts both inputs to the cell's width and concatenates the nodes.

    Args:
        place: position of the cell.
        bend: module that computes the list of nodes from the two adapted inputs.
        bottleneck: factor by which the nodes have fewer channels; if it is not 1, a 1 x 1 convolution restores the
            output's channels.
    """

    def __init__(self, place: Place, bend: nn.Module, bottleneck: int = 1) -> None:
        super().__init__()
        inner = place.width // bottleneck
        self.before = _halve(place.before, inner) if place.after_reduction else convolution(place.before, inner, 1)
        self.last = convolution(place.last, inner, 1)
        self.bend = bend
        self.widen = nn.Identity() if bottleneck == 1 else convolution(NODES * inner, NODES * place.width, 1)

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        """Compute the cell's output.

        Args:
            before: (n, channels, height, width) output of the cell before the preceding one.
            last: (n, channels, height, width) output of the preceding cell.

        Returns:
            (n, `NODES` x width, height, width) output; a reduction cell halves height and width.
        """
        nodes: Sequence[Tensor] = self.bend(self.before(before), self.last(last))
        return cast(Tensor, self.widen(torch.cat(list(nodes), 1)))


class _Nodes(nn.Module):
    """The nodes of one cell; each is the sum of two edges."""

    def __init__(self, place: Place, edges: Sequence[tuple[str, int, int]]) -> None:
        super().__init__()
        self._edges = list(edges)
        for operation, tail, head in self._edges:
            layer = make_operation(operation, place.width, place.reduction and tail < INPUTS)
            self.add_module(f"edge_{tail}_{head}_{operation}", layer)

    def forward(self, before: Tensor, last: Tensor) -> list[Tensor]:
        nodes = [before, last]
        for node in range(INPUTS, INPUTS + NODES):
            one, other = (
                self.get_submodule(f"edge_{tail}_{head}_{operation}")(nodes[tail])
                for operation, tail, head in self._edges
                if head == node
            )
            nodes.append(one + other)
        return nodes[INPUTS:]


def make_operation(name: str, channels: int, halve: bool) -> nn.Module:
    """Build the module of an operation.

    Args:
        name: one of `darts_cell.OPERATIONS` except "none".
        channels: input and output channels.
        halve: whether the operation halves the side.
    """
    stride, kernel = 2 if halve else 1, int(name[-1]) if name[-1].isdigit() else 0
    match name[:3]:
        case "max":
            return nn.MaxPool2d(3, stride, padding=1)
        case "avg":
            return nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
        case "sep":
            return nn.Sequential(*_separable(channels, kernel, stride), *_separable(channels, kernel, 1))
        case "dil":
            return nn.Sequential(*_separable(channels, kernel, stride, dilation=2))
    return _halve(channels, channels) if halve else nn.Identity()


def _separable(channels: int, kernel: int, stride: int, dilation: int = 1) -> list[nn.Module]:
    padding = dilation * (kernel - 1) // 2
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    ]


def _halve(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ReLU(),
        nn.AvgPool2d(2, 2, ceil_mode=True),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
    )


def to_module(network: CellNetwork, channels: int, classes: int) -> DartsNet:
    """Build a network, freshly initialised.

    Args:
        network: the network.
        channels: bands of the input images.
        classes: number of outputs (logits).
    """

    def make_cell(place: Place) -> nn.Module:
        cell = network.reduction if place.reduction else network.normal
        return DartsCell(place, _Nodes(place, cell.edges))

    return DartsNet(make_cell, channels, classes, network.skeleton)
