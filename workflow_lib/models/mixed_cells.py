"""Networks of NAS-Bench-201 cells whose edges mix all operations: what a differentiable search trains."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from workflow_lib.core.spaces.nasbench201 import EDGES, KERNELS, OPERATIONS, Skeleton
from workflow_lib.models.nasbench201 import CellNet, convolution

NODES = 4


@dataclass(frozen=True)
class SpeedUps:
    """What makes the search cheaper than all operations on all edges of all cells.

    Attributes:
        derived_cells: the first cell alone mixes; in the others the operations of largest alpha run.
        shared_operations: an operation has one set of weights per node it starts from, and runs once for all its edges.
        bottleneck: convolutions of 1 x 1 give cells so many times fewer channels, and back; 1: they do not.

    Source: Dutta, Kanvar and Agarwal, Search-time Efficient Device Constraints-Aware NAS, section 3.3, equation 5.
    """

    derived_cells: bool = False
    shared_operations: bool = False
    bottleneck: int = 1


@dataclass
class _Mixture:
    """What all cells of a network read.

    Attributes:
        weights: (edges, operations), each edge's sum is 1.
    """

    weights: Tensor


class MixedNet(CellNet):
    """A network of mixed cells, freshly initialised.

    Args:
        channels: bands of the input images.
        classes: number of outputs (logits).
        skeleton: its size.
        speed_ups: what is left out of it.

    Attributes:
        alpha: (edges, operations) architecture parameters, all 0.

    Source: Liu, Simonyan and Yang 2019 (DARTS), equation 2; cells of Dong and Yang 2020.
    """

    def __init__(self, channels: int, classes: int, skeleton: Skeleton, speed_ups: SpeedUps) -> None:
        mixture = _Mixture(torch.full((len(EDGES), len(OPERATIONS)), 1 / len(OPERATIONS)))
        made: list[MixedCell] = []

        def make_cell(width: int) -> nn.Module:
            made.append(MixedCell(width, mixture, speed_ups, speed_ups.derived_cells and bool(made)))
            return made[-1]

        super().__init__(make_cell, channels, classes, skeleton)
        self._mixture = mixture
        self.alpha = nn.Parameter(torch.zeros(len(EDGES), len(OPERATIONS)))

    def weights(self) -> list[nn.Parameter]:
        """All parameters but alpha."""
        return [parameter for parameter in self.parameters() if parameter is not self.alpha]

    def forward(self, x: Tensor) -> Tensor:
        """Classify images: (n, channels, height, width) to (n, classes)."""
        self._mixture.weights = torch.softmax(self.alpha, 1)
        return super().forward(x)


class MixedCell(nn.Module):
    """A cell whose nodes are sums of weighed operations.

    Args:
        width: its channels.
        mixture: the weights.
        speed_ups: of the network.
        derived: run the operation of largest weight on each edge, and no other.
    """

    def __init__(self, width: int, mixture: _Mixture, speed_ups: SpeedUps, derived: bool) -> None:
        super().__init__()
        self._mixture, self._shared, self._derived = mixture, speed_ups.shared_operations, derived
        inner = width // speed_ups.bottleneck
        self._narrow = nn.Identity() if inner == width else convolution(width, inner, 1)
        self._widen = nn.Identity() if inner == width else convolution(inner, width, 1)
        self._pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        for edge in EDGES:
            for operation, kernel in KERNELS.items():
                if not hasattr(self, self._name(operation, *edge)):
                    self.add_module(self._name(operation, *edge), convolution(inner, inner, kernel))

    def _name(self, operation: str, tail: int, head: int) -> str:
        return f"node_{tail}_{operation}" if self._shared else f"edge_{tail}_{head}_{operation}"

    def forward(self, x: Tensor) -> Tensor:
        """Transform a feature map; its shape stays."""
        nodes = [cast(Tensor, self._narrow(x))]
        weights = self._mixture.weights
        largest = weights.argmax(1).tolist() if self._derived else []
        ran: dict[tuple[str, int], Tensor] = {}
        for head in range(1, NODES):
            total = torch.zeros_like(nodes[0])
            for tail in range(head):
                edge = EDGES.index((tail, head))
                for number, operation in enumerate(OPERATIONS):
                    if operation == "none" or (self._derived and largest[edge] != number):
                        continue
                    brought = self._bring(operation, tail, head, nodes[tail], ran)
                    total = total + (brought if self._derived else weights[edge, number] * brought)
            nodes.append(total)
        return cast(Tensor, self._widen(nodes[-1]))

    def _bring(self, operation: str, tail: int, head: int, x: Tensor, ran: dict[tuple[str, int], Tensor]) -> Tensor:
        """What an operation makes of a node; where weights are shared, it is made once."""
        if operation == "skip":
            return x
        key = (operation, tail)
        if key not in ran or (operation in KERNELS and not self._shared):
            layer = self._pool if operation == "pool" else self.get_submodule(self._name(operation, tail, head))
            ran[key] = layer(x)
        return ran[key]
