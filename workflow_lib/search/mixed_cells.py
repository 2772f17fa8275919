"""Networks of cells whose edges mix all operations: what a differentiable search trains."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.spaces.darts import darts_cell as darts
from workflow_lib.spaces.darts.darts_counts import Place
from workflow_lib.spaces.darts.darts_module import DartsCell, DartsNet, make_operation
from workflow_lib.spaces.nasbench201 import nasbench201_cell as nasbench201
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.spaces.nasbench201.nasbench201_module import CellNet, convolution

_SMALL = 1e-3


@dataclass(frozen=True)
class SpeedUps:
    """What makes the search cheaper than all operations on all edges of all cells.

    Attributes:
        mix_first_cells_only: only the first cell of each kind mixes operations; the others run those of largest alpha.
        shared_operations: an operation has one set of weights per node it starts from, and runs once for all its edges.
        bottleneck: convolutions of 1 x 1 give cells so many times fewer channels, and back; 1: they do not.
        partial: one in so many channels goes through an edge's operations, the others pass by; 1: all go through.

    Source: Dutta, Kanvar and Agarwal, Search-time Efficient Device Constraints-Aware NAS, section 3.3, equation 5;
    partial: its peer, Xu et al. 2020 (PC-DARTS), section 3.2, without the edge normalisation of section 3.3.
    """

    mix_first_cells_only: bool = False
    shared_operations: bool = False
    bottleneck: int = 1
    partial: int = 1

    @classmethod
    def of(cls, settings: CellSearchConfig) -> "SpeedUps":
        """Those that a search asks for."""
        return cls(
            settings.mix_first_cells_only,
            settings.shared_operations,
            settings.bottleneck,
            partial=settings.partial_channels,
        )


@dataclass
class Mixture:
    """What all cells of a network read.

    Attributes:
        weights: (edges, operations), each edge's sum is 1.
        drawn: number of the operation that alone runs on each edge; None: all run.
    """

    weights: Tensor
    drawn: list[int] | None = None


class MixedNet(nn.Module):
    """A network of mixed cells, freshly initialised.

    Args:
        network: of cells that read the mixture.
        mixture: theirs.
        operations: names of the columns of alpha.

    Attributes:
        alpha: (edges, operations) architecture parameters, nearly 0: none is the largest by its place.

    Source: Liu, Simonyan and Yang 2019 (DARTS), equation 2; where one operation per edge is drawn: Dong and Yang 2019
    (GDAS), at temperature 1.
    """

    def __init__(self, network: nn.Module, mixture: Mixture, operations: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.operations, self._mixture = network, operations, mixture
        self.alpha = nn.Parameter(_SMALL * torch.randn_like(mixture.weights))

    def weights(self) -> list[nn.Parameter]:
        """All parameters but alpha."""
        return list(self.network.parameters())

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """Classify images: (n, channels, height, width) to (n, classes).

        Args:
            x: the images.
            noise: (edges, operations), Gumbel's: one operation per edge is drawn by it, the same in all cells, and as
                likely as softmax of alpha says; None: all are mixed.
        """
        mixture = self._mixture
        if noise is None:
            mixture.weights, mixture.drawn = torch.softmax(self.alpha, 1), None
        else:
            soft = torch.softmax(self.alpha + noise, 1)
            chosen = soft.argmax(1)
            # What is drawn has weight 1, and softmax's gradient.
            hard = nn.functional.one_hot(chosen, soft.shape[1]).to(soft)
            mixture.weights, mixture.drawn = hard + (soft - soft.detach()), chosen.tolist()
        return cast(Tensor, self.network(x))


class MixedNodes(nn.Module):
    """Nodes that are sums of weighed operations on edges from the inputs and all earlier nodes.

    Args:
        inputs, nodes: how many of each.
        make: operation, and the node it starts from -> a layer of the channels that go through it; none is left out.
        mixture: the weights.
        first: row of the weights that is the first edge's.
        operations: names of the columns.
        speed_ups: shared and partial operations.
        derived: run the operation of largest weight on each edge, none aside, and no other.
    """

    def __init__(
        self,
        inputs: int,
        nodes: int,
        make: Callable[[str, int], nn.Module],
        mixture: Mixture,
        first: int,
        operations: tuple[str, ...],
        speed_ups: SpeedUps,
        derived: bool,
    ) -> None:
        super().__init__()
        self._mixture, self._first, self._operations = mixture, first, operations
        self._inputs, self._partial, self._derived = inputs, speed_ups.partial, derived
        self._edges = [(tail, head) for head in range(inputs, inputs + nodes) for tail in range(head)]
        self._names: dict[tuple[str, int, int], str] = {}
        for tail, head in self._edges:
            for operation in operations:
                if operation != "none":
                    layer = make(operation, tail)
                    # What has no weights is the same on all edges.
                    alike = speed_ups.shared_operations or not list(layer.parameters())
                    name = f"node_{tail}_{operation}" if alike else f"edge_{tail}_{head}_{operation}"
                    self._names[operation, tail, head] = name
                    if not hasattr(self, name):
                        self.add_module(name, layer)

    def forward(self, *inputs: Tensor) -> list[Tensor]:
        """From the inputs, of one shape, to all nodes."""
        maps: list[Tensor] = list(inputs)
        ran: dict[str, Tensor] = {}
        alone = self._alone()
        for row, (tail, head) in enumerate(self._edges):
            through = maps[tail][:, :: self._partial]
            brought = self._mix(row, through, ran, alone[row] if alone else None)
            if brought is None and (self._partial > 1 or (tail == head - 1 and head == len(maps))):
                halves = not isinstance(self.get_submodule(self._names["skip", tail, head]), nn.Identity)
                brought = torch.zeros_like(_halved(through) if halves else through)
            if brought is None:
                continue
            if self._partial > 1:
                brought = _rejoin(brought, maps[tail], self._partial)
            if head == len(maps):
                maps.append(brought)
            else:
                maps[head] = maps[head] + brought
        return maps[self._inputs :]

    def _alone(self) -> list[int] | None:
        """Numbers of the operations that alone run on each edge; None: all do."""
        own = slice(self._first, self._first + len(self._edges))
        if self._derived:
            # None, the first, aside: a cell that leads nowhere would keep alpha from learning anything.
            return cast(list[int], (1 + self._mixture.weights[own, 1:].argmax(1)).tolist())
        return self._mixture.drawn[own] if self._mixture.drawn else None

    def _mix(self, row: int, x: Tensor, ran: dict[str, Tensor], alone: int | None) -> Tensor | None:
        """What the operations of one edge make of a map; None: none was drawn.

        Args:
            row: of the edge, in this cell.
            x: the map.
            ran: what operations already made of their maps, which this adds to.
            alone: number of the operation that runs; None: all do.
        """
        (tail, head), weights = self._edges[row], self._mixture.weights[self._first + row]
        mixed: Tensor | None = None
        for number, operation in enumerate(self._operations):
            if operation == "none" or alone not in (None, number):
                continue
            name = self._names[operation, tail, head]
            if name not in ran:
                ran[name] = self.get_submodule(name)(x)
            brought = ran[name] if self._derived else weights[number] * ran[name]
            mixed = brought if mixed is None else mixed + brought
        return mixed


def _halved(x: Tensor) -> Tensor:
    return nn.functional.max_pool2d(x, 2, ceil_mode=True)


def _rejoin(changed: Tensor, x: Tensor, partial: int) -> Tensor:
    """Put what every `partial`-th channel became in front of the other channels; where its side was halved, theirs is.

    The next edge takes every `partial`-th again, some of those changed here and some that were not: this takes the
    place of the paper's shuffle.
    """
    if changed.shape[-2:] != x.shape[-2:]:
        x = _halved(x)
    return torch.cat([changed, *(x[:, place::partial] for place in range(1, partial))], 1)


class _Cell(MixedNodes):
    """A cell of NAS-Bench-201: one input, and its last node is its output."""

    def __init__(self, width: int, mixture: Mixture, speed_ups: SpeedUps, derived: bool) -> None:
        inner = width // speed_ups.bottleneck
        through = inner // speed_ups.partial

        def make(operation: str, _tail: int) -> nn.Module:
            if operation == "pool":
                return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
            kernel = nasbench201.KERNELS.get(operation)
            return convolution(through, through, kernel) if kernel else nn.Identity()

        operations = tuple(nasbench201.OPERATIONS)
        super().__init__(1, len(nasbench201.NODES), make, mixture, 0, operations, speed_ups, derived)
        self._narrow = nn.Identity() if inner == width else convolution(width, inner, 1)
        self._widen = nn.Identity() if inner == width else convolution(inner, width, 1)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """Transform a feature map; its shape stays."""
        last = super().forward(self._narrow(x))[-1]
        return cast(Tensor, self._widen(last))


def _mix_nasbench201(channels: int, classes: int, skeleton: Skeleton, speed_ups: SpeedUps) -> MixedNet:
    operations = tuple(nasbench201.OPERATIONS)
    mixture = _even(len(nasbench201.EDGES), len(operations))
    made: list[nn.Module] = []

    def make_cell(width: int) -> nn.Module:
        made.append(_Cell(width, mixture, speed_ups, speed_ups.mix_first_cells_only and bool(made)))
        return made[-1]

    return MixedNet(CellNet(make_cell, channels, classes, skeleton), mixture, operations)


def _mix_darts(channels: int, classes: int, skeleton: Skeleton, speed_ups: SpeedUps) -> MixedNet:
    mixture = _even(len(darts.EDGE_NAMES), len(darts.OPERATIONS))
    kinds: set[bool] = set()

    def make_cell(place: Place) -> nn.Module:
        through = place.width // speed_ups.bottleneck // speed_ups.partial

        def make(operation: str, tail: int) -> nn.Module:
            return make_operation(operation, through, place.reduction and tail < darts.INPUTS)

        nodes = MixedNodes(
            darts.INPUTS, darts.NODES, make, mixture, place.reduction * len(darts.EDGES), darts.OPERATIONS,
            speed_ups, speed_ups.mix_first_cells_only and place.reduction in kinds,
        )  # fmt: skip
        kinds.add(place.reduction)
        return DartsCell(place, nodes, speed_ups.bottleneck)

    return MixedNet(DartsNet(make_cell, channels, classes, skeleton), mixture, darts.OPERATIONS)


def _even(edges: int, operations: int) -> Mixture:
    return Mixture(torch.full((edges, operations), 1 / operations))


_MIXERS = {"nasbench201": _mix_nasbench201, "darts": _mix_darts}


def to_mixed(space: str, channels: int, classes: int, skeleton: Skeleton, speed_ups: SpeedUps) -> MixedNet:
    """Build a network of mixed cells.

    Args:
        space: nasbench201 or darts.
        channels: bands of the input images.
        classes: number of outputs (logits).
        skeleton: its size.
        speed_ups: what is left out of it.
    """
    return _MIXERS[space](channels, classes, skeleton, speed_ups)
