"""Prices of cells' operations on a device, for searches with a bound on latency or energy."""

from collections import Counter

import torch
from torch import Tensor, nn

from workflow_lib.latency.lookup import LookupTable, Operation, Price, operations_of
from workflow_lib.spaces.cell_costs import CellCosts
from workflow_lib.spaces.darts import darts_cell as darts
from workflow_lib.spaces.darts import darts_counts as darts_costs
from workflow_lib.spaces.darts.darts_module import make_operation
from workflow_lib.spaces.darts.darts_module import to_module as to_darts
from workflow_lib.spaces.mobilenet import mobilenet_chain as mobilenet
from workflow_lib.spaces.mobilenet.mobilenet_module import ChainNet
from workflow_lib.spaces.nasbench201.nasbench201_cell import EDGES, OPERATIONS, Cell, Skeleton, stem_px
from workflow_lib.spaces.nasbench201.nasbench201_counts import uniform_edge_costs
from workflow_lib.spaces.nasbench201.nasbench201_module import to_module


class Sum(nn.Module):
    """The sum of two maps."""

    def forward(self, x: Tensor) -> Tensor:
        """Add a map to itself.

        Args:
            x: (n, c, h, w) map.
        """
        return x + x


class Concatenation(nn.Module):
    """The concatenation of the maps of a DARTS cell's nodes."""

    def forward(self, x: Tensor) -> Tensor:
        """Concatenate copies of a map, one per node.

        Args:
            x: (n, c, h, w) map of one node.
        """
        return torch.cat([x] * darts.NODES, 1)


def price_cells(space: str, skeleton: Skeleton, channels: int, classes: int, size_px: int, price: Price) -> CellCosts:
    """Price the networks of a space with a lookup table.

    For cells the table has their operations and the sums at nodes, for chains their blocks.

    Args:
        space: nasbench201, darts or mobilenet.
        skeleton: skeleton of the networks.
        channels: channels of the input images.
        classes: number of classes.
        size_px: height and width of the input images.
        price: function that prices one operation.

    Returns:
        The cost of the fixed part, and of each operation at each place.

    Raises:
        UserError: if an operation has no price.
    """
    return _PRICE_FUNCTIONS[space](skeleton, channels, classes, size_px, price)


def _price_nasbench201(skeleton: Skeleton, channels: int, classes: int, size_px: int, price: Price) -> CellCosts:
    def operations(cell: tuple[str, ...]) -> Counter[Operation]:
        return Counter(operations_of(to_module(str(Cell(cell)), channels, classes, skeleton), channels, size_px))

    nothing = ("none",) * (len(EDGES) - 1)
    fixed = operations(("none", *nothing))
    # The operations that a network gains when one edge of each cell performs this operation.
    added = {name: list((operations((name, *nothing)) - fixed).elements()) for name in OPERATIONS}
    sums = [Operation(repr(Sum()), conv.channels, conv.side_px, Sum()) for conv in added["conv1"]]
    table = LookupTable.fill(
        [*fixed, *sums, *(one for edge_operations in added.values() for one in edge_operations)], price
    )
    prices = {name: table.estimate(edge_operations) for name, edge_operations in added.items()}
    return uniform_edge_costs(table.estimate(list(fixed.elements())), prices, table.estimate(sums))


def _price_darts(skeleton: Skeleton, channels: int, classes: int, size_px: int, price: Price) -> CellCosts:
    places = list(darts_costs.places(skeleton, stem_px(skeleton, size_px)))

    def operations(edge: int, name: str) -> list[Operation]:
        """List the operations of an edge in all cells of its kind."""
        kind, number = divmod(edge, len(darts.EDGES))
        halve = bool(kind) and darts.EDGES[number][0] < darts.INPUTS
        cells = [place for place in places if place.reduction == bool(kind)]
        modules = [nn.Identity() if name == "none" else make_operation(name, place.width, halve) for place in cells]
        return [
            Operation(repr(module), place.width, place.side_px if halve else place.after_px, module)
            for place, module in zip(cells, modules, strict=True)
            if not isinstance(module, nn.Identity)
        ]

    # The network whose nodes have only skip connections from the inputs, minus these connections.
    inputs = [edge for edge in range(len(darts.EDGE_NAMES)) if darts.EDGES[edge % len(darts.EDGES)][0] < darts.INPUTS]
    bare = darts.CellNetwork.of([(edge, darts.OPERATIONS.index("skip")) for edge in inputs], skeleton)
    fixed = Counter(operations_of(to_darts(bare, channels, classes), channels, size_px))
    fixed -= Counter(operation for edge in inputs for operation in operations(edge, "skip"))
    sums = [Operation(repr(Sum()), place.width, place.after_px, Sum()) for place in places] * darts.NODES
    concatenations = [
        Operation(repr(Concatenation()), place.width, place.after_px, Concatenation()) for place in places
    ]
    rest = [*fixed.elements(), *sums, *concatenations]
    added = [[operations(edge, name) for name in darts.OPERATIONS] for edge in range(len(darts.EDGE_NAMES))]
    table = LookupTable.fill([*rest, *(one for edge in added for choice in edge for one in choice)], price)
    return CellCosts(table.estimate(rest), tuple(tuple(map(table.estimate, edge)) for edge in added))


def _price_mobilenet(_skeleton: Skeleton, channels: int, classes: int, size_px: int, price: Price) -> CellCosts:
    blocks: list[list[Operation]] = []
    rest: list[Operation] = []
    for name in mobilenet.OPERATIONS:
        network = ChainNet(mobilenet.Chain((name,) * len(mobilenet.space().choices)), channels, classes)
        stem, first, *inside, last, linear = operations_of(network, channels, size_px)
        rest = [stem, first, last, linear]
        # Each block counts as one operation, including the sum at its end.
        blocks.append(
            [
                Operation(repr(block), operation.channels, operation.side_px, block)
                for operation, block in zip(inside, network.blocks, strict=True)
            ]
        )
    table = LookupTable.fill([*rest, *(block for network_blocks in blocks for block in network_blocks)], price)
    prices = tuple((0.0, *(table.estimate([block]) for block in place)) for place in zip(*blocks, strict=True))
    return CellCosts(table.estimate(rest), prices)


_PRICE_FUNCTIONS = {"nasbench201": _price_nasbench201, "darts": _price_darts, "mobilenet": _price_mobilenet}
