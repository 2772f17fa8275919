"""The spaces whose costs are sums over edges (or blocks), with their edges, operations and counting functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from workflow_lib.spaces.cell_costs import CellCosts
from workflow_lib.spaces.darts import darts_cell as darts
from workflow_lib.spaces.darts import darts_counts as darts_costs
from workflow_lib.spaces.mobilenet import mobilenet_chain as mobilenet
from workflow_lib.spaces.mobilenet import mobilenet_counts as mobilenet_costs
from workflow_lib.spaces.nasbench201 import nasbench201_cell as nasbench201
from workflow_lib.spaces.nasbench201 import nasbench201_counts as nasbench201_costs
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.spaces.space import Space

CellSpaceName = Literal["nasbench201", "darts"]
AssembledSpaceName = Literal[CellSpaceName, "mobilenet"]
SupernetSpaceName = Literal["cross", AssembledSpaceName]


@dataclass(frozen=True)
class CellSpace:
    """A search space whose costs are sums over edges.

    Attributes:
        edges: names of the rows of the architecture parameters.
        operations: names of their columns, "none" first.
        nodes: indices of the edges into each node that may be left without edges; empty if no node may.
        networks: skeleton -> space of all networks.
        is_enumerated: whether it is so small that a strategy can know the costs of all its networks.
        count_parameters: (skeleton, channels, classes) -> costs of the networks.
        count_multiply_adds: (skeleton, channels, classes, side of the images in pixels) -> costs of the networks.
    """

    edges: tuple[str, ...]
    operations: tuple[str, ...]
    nodes: tuple[tuple[int, ...], ...]
    networks: Callable[[Skeleton], Space]
    is_enumerated: bool
    count_parameters: Callable[[Skeleton, int, int], CellCosts]
    count_multiply_adds: Callable[[Skeleton, int, int, int], CellCosts]

    def count(self, quantity: str, skeleton: Skeleton, channels: int, classes: int, size_px: int) -> CellCosts:
        """Count one quantity of the networks of a skeleton.

        Args:
            quantity: one of `cell_costs.COUNTED`.
            skeleton: skeleton of the networks.
            channels: bands of the input images.
            classes: number of classes.
            size_px: side of the input images (pixels).
        """
        if quantity == "parameters":
            return self.count_parameters(skeleton, channels, classes)
        return self.count_multiply_adds(skeleton, channels, classes, size_px)


CELL_SPACES: Mapping[str, CellSpace] = {
    "nasbench201": CellSpace(
        tuple(f"{tail}-{head}" for tail, head in nasbench201.EDGES),
        tuple(nasbench201.OPERATIONS),
        nasbench201.NODES,
        nasbench201.network_space,
        True,
        nasbench201_costs.count_parameters,
        nasbench201_costs.count_multiply_adds,
    ),
    "darts": CellSpace(
        darts.EDGE_NAMES,
        darts.OPERATIONS,
        (),
        darts.network_space,
        False,
        darts_costs.count_parameters,
        darts_costs.count_multiply_adds,
    ),
    "mobilenet": CellSpace(
        tuple(mobilenet.space().choices),
        mobilenet.BLOCKS,
        (),
        lambda _: mobilenet.space(),
        False,
        lambda _, channels, classes: mobilenet_costs.count_parameters(channels, classes),
        lambda _, channels, classes, size_px: mobilenet_costs.count_multiply_adds(channels, classes, size_px),
    ),
}
"""`AssembledSpaceName` -> space."""
