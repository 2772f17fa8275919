"""Networks of cells whose edges mix all operations, for differentiable search."""

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

_ALPHA_STD = 1e-3


@dataclass(frozen=True)
class SpeedUps:
    """Options that make a search cheaper than running all operations on all edges of all cells.

    Attributes:
        mix_first_cells_only: only the first cell of each kind mixes operations; the others run those of largest alpha.
        shared_operations: an operation has one set of weights per source node, and runs once for all edges from it.
        bottleneck: factor by which 1 x 1 convolutions reduce the channels inside cells; 1: no reduction.
        partial: one in this many channels passes through the operations of an edge, the others bypass them.

    Source: Dutta, Kanvar and Agarwal, Search-time Efficient Device Constraints-Aware NAS, section 3.3, equation 5;
    partial: Xu et al. 2020 (PC-DARTS), section 3.2, without the edge normalisation of section 3.3.
    """

    mix_first_cells_only: bool = False
    shared_operations: bool = False
    bottleneck: int = 1
    partial: int = 1

    @classmethod
    def of(cls, settings: CellSearchConfig) -> "SpeedUps":
        """Return the options that a configuration selects."""
        return cls(
            settings.mix_first_cells_only,
            settings.shared_operations,
            settings.bottleneck,
            partial=settings.partial_channels,
        )


@dataclass
class Mixture:
    """The mixture of operations that all cells of a network share.

    Attributes:
        weights: (edges, operations) weights, which sum to 1 over the operations of each edge.
        drawn: number of the only operation to run, per edge; None: all operations run.
    """

    weights: Tensor
    drawn: list[int] | None = None


class MixedNet(nn.Module):
    """A network of mixed cells, freshly initialised.

    Args:
        network: network whose cells read the mixture.
        mixture: the mixture of these cells.
        operations: names of the operations, which are the columns of alpha.

    Attributes:
        alpha: (edges, operations) architecture parameters; initialised near 0, at random to break ties.

    Source: Liu, Simonyan and Yang 2019 (DARTS), equation 2; if one operation per edge is sampled: Dong and Yang 2019
    (GDAS), equations 5 and 6.
    """

    def __init__(self, network: nn.Module, mixture: Mixture, operations: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.operations, self._mixture = network, operations, mixture
        self.alpha = nn.Parameter(_ALPHA_STD * torch.randn_like(mixture.weights))

    def weights(self) -> list[nn.Parameter]:
        """Return all parameters except alpha."""
        return list(self.network.parameters())

    def forward(self, x: Tensor, noise: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        """Classify images.

        Args:
            x: (n, channels, height, width) images.
            noise: (edges, operations) Gumbel noise, which samples one operation per edge from the softmax of alpha, the
                same in all cells; None: all operations are mixed.
            temperature: temperature of the softmax whose gradient stands for that of the sampled operation.

        Returns:
            (n, classes) logits.
        """
        mixture = self._mixture
        if noise is None:
            mixture.weights, mixture.drawn = torch.softmax(self.alpha, 1), None
        else:
            soft = torch.softmax((self.alpha + noise) / temperature, 1)
            chosen = soft.argmax(1)
            # The sampled operation has weight 1, and the gradient of the softmax (straight-through estimator).
            hard = nn.functional.one_hot(chosen, soft.shape[1]).to(soft)
            mixture.weights, mixture.drawn = hard + (soft - soft.detach()), chosen.tolist()
        return cast(Tensor, self.network(x))


class MixedNodes(nn.Module):
    """Nodes that sum weighted operations on the edges from the inputs and all earlier nodes.

    Args:
        inputs: number of inputs.
        nodes: number of nodes.
        make: function that makes the layer of an operation (other than none) from its name and source node.
        mixture: the weights of the operations.
        first: row of the mixture that belongs to the first edge.
        operations: names of the operations, which are the columns of the mixture.
        speed_ups: shared and partial operations.
        best_only: run only the operation of largest weight on each edge, never none.
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
        best_only: bool,
    ) -> None:
        super().__init__()
        self._mixture, self._first, self._operations = mixture, first, operations
        self._inputs, self._partial, self._best_only = inputs, speed_ups.partial, best_only
        self._edges = [(tail, head) for head in range(inputs, inputs + nodes) for tail in range(head)]
        self._names: dict[tuple[str, int, int], str] = {}
        for tail, head in self._edges:
            for operation in operations:
                if operation != "none":
                    layer = make(operation, tail)
                    # Layers without weights are the same on all edges.
                    shared = speed_ups.shared_operations or not list(layer.parameters())
                    name = f"node_{tail}_{operation}" if shared else f"edge_{tail}_{head}_{operation}"
                    self._names[operation, tail, head] = name
                    if not hasattr(self, name):
                        self.add_module(name, layer)

    def forward(self, *inputs: Tensor) -> list[Tensor]:
        """Compute all nodes from the inputs.

        Args:
            inputs: (n, c, h, w) feature maps of one shape.
        """
        maps: list[Tensor] = list(inputs)
        outputs: dict[str, Tensor] = {}
        single = self._single_operations()
        for row, (tail, head) in enumerate(self._edges):
            passing = maps[tail][:, :: self._partial]
            mixed = self._mix(row, passing, outputs, single[row] if single else None)
            if mixed is None and (self._partial > 1 or (tail == head - 1 and head == len(maps))):
                halves = not isinstance(self.get_submodule(self._names["skip", tail, head]), nn.Identity)
                mixed = torch.zeros_like(_halved(passing) if halves else passing)
            if mixed is None:
                continue
            if self._partial > 1:
                mixed = _rejoin(mixed, maps[tail], self._partial)
            if head == len(maps):
                maps.append(mixed)
            else:
                maps[head] = maps[head] + mixed
        return maps[self._inputs :]

    def operations(self) -> list[tuple[str, nn.Module]]:
        """Return the layers of the searched operations, with their names as submodules."""
        return [(name, self.get_submodule(name)) for name in dict.fromkeys(self._names.values())]

    def _single_operations(self) -> list[int] | None:
        """Return the number of the only operation to run on each edge; None: all operations run."""
        rows = slice(self._first, self._first + len(self._edges))
        if self._best_only:
            # None, the first operation, is excluded: alpha could learn nothing from a disconnected cell.
            return cast(list[int], (1 + self._mixture.weights[rows, 1:].argmax(1)).tolist())
        return self._mixture.drawn[rows] if self._mixture.drawn else None

    def _mix(self, row: int, x: Tensor, outputs: dict[str, Tensor], single: int | None) -> Tensor | None:
        """Apply the operations of one edge to a feature map; None if the sampled operation is none.

        Args:
            row: row of the edge in this cell.
            x: (n, c, h, w) feature map.
            outputs: outputs of operations that ran already; extended.
            single: number of the only operation to run; None: all run.
        """
        (tail, head), weights = self._edges[row], self._mixture.weights[self._first + row]
        mixed: Tensor | None = None
        for number, operation in enumerate(self._operations):
            if operation == "none" or single not in (None, number):
                continue
            name = self._names[operation, tail, head]
            if name not in outputs:
                outputs[name] = self.get_submodule(name)(x)
            weighted = outputs[name] if self._best_only else weights[number] * outputs[name]
            mixed = weighted if mixed is None else mixed + weighted
        return mixed


def _halved(x: Tensor) -> Tensor:
    return nn.functional.max_pool2d(x, 2, ceil_mode=True)


def _rejoin(changed: Tensor, x: Tensor, partial: int) -> Tensor:
    """Concatenate the changed channels and the bypassing ones, which are halved in size if the changed ones are.

    The next edge again takes every `partial`-th channel, some changed here and some not. This order replaces the
    channel shuffle of the paper.
    """
    if changed.shape[-2:] != x.shape[-2:]:
        x = _halved(x)
    return torch.cat([changed, *(x[:, offset::partial] for offset in range(1, partial))], 1)


class _Cell(MixedNodes):
    """A cell of NAS-Bench-201, with one input and its last node as output."""

    def __init__(self, width: int, mixture: Mixture, speed_ups: SpeedUps, best_only: bool) -> None:
        inner = width // speed_ups.bottleneck
        passing = inner // speed_ups.partial

        def make(operation: str, _tail: int) -> nn.Module:
            if operation == "pool":
                return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
            kernel = nasbench201.KERNELS.get(operation)
            return convolution(passing, passing, kernel) if kernel else nn.Identity()

        operations = tuple(nasbench201.OPERATIONS)
        super().__init__(1, len(nasbench201.NODES), make, mixture, 0, operations, speed_ups, best_only)
        self._narrow = nn.Identity() if inner == width else convolution(width, inner, 1)
        self._widen = nn.Identity() if inner == width else convolution(inner, width, 1)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """Transform an (n, c, h, w) feature map without changing its shape."""
        last = super().forward(self._narrow(x))[-1]
        return cast(Tensor, self._widen(last))


def _mix_nasbench201(channels: int, classes: int, skeleton: Skeleton, speed_ups: SpeedUps) -> MixedNet:
    operations = tuple(nasbench201.OPERATIONS)
    mixture = _uniform_mixture(len(nasbench201.EDGES), len(operations))
    cells: list[nn.Module] = []

    def make_cell(width: int) -> nn.Module:
        cells.append(_Cell(width, mixture, speed_ups, speed_ups.mix_first_cells_only and bool(cells)))
        return cells[-1]

    return MixedNet(CellNet(make_cell, channels, classes, skeleton), mixture, operations)


def _mix_darts(channels: int, classes: int, skeleton: Skeleton, speed_ups: SpeedUps) -> MixedNet:
    mixture = _uniform_mixture(len(darts.EDGE_NAMES), len(darts.OPERATIONS))
    kinds: set[bool] = set()

    def make_cell(place: Place) -> nn.Module:
        passing = place.width // speed_ups.bottleneck // speed_ups.partial

        def make(operation: str, tail: int) -> nn.Module:
            return make_operation(operation, passing, place.reduction and tail < darts.INPUTS)

        nodes = MixedNodes(
            darts.INPUTS, darts.NODES, make, mixture, place.reduction * len(darts.EDGES), darts.OPERATIONS,
            speed_ups, speed_ups.mix_first_cells_only and place.reduction in kinds,
        )  # fmt: skip
        kinds.add(place.reduction)
        return DartsCell(place, nodes, speed_ups.bottleneck)

    return MixedNet(DartsNet(make_cell, channels, classes, skeleton), mixture, darts.OPERATIONS)


def _uniform_mixture(edges: int, operations: int) -> Mixture:
    return Mixture(torch.full((edges, operations), 1 / operations))


_MIXERS = {"nasbench201": _mix_nasbench201, "darts": _mix_darts}


def to_mixed(space: str, channels: int, classes: int, skeleton: Skeleton, speed_ups: SpeedUps) -> MixedNet:
    """Build a network of mixed cells.

    Args:
        space: nasbench201 or darts.
        channels: bands of the input images.
        classes: number of outputs (logits).
        skeleton: width and number of cells.
        speed_ups: options that make the search cheaper.
    """
    return _MIXERS[space](channels, classes, skeleton, speed_ups)
