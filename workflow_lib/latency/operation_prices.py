"""What operations of cells take on a device: the costs of a search that bounds latency or energy."""

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
from workflow_lib.spaces.nasbench201.nasbench201_counts import on_all_edges
from workflow_lib.spaces.nasbench201.nasbench201_module import to_module


class Sum(nn.Module):
    """The sum of two maps."""

    def forward(self, x: Tensor) -> Tensor:
        """Of a map and itself: its shape stays."""
        return x + x


class SideBySide(nn.Module):
    """The maps of a DARTS cell's nodes, side by side."""

    def forward(self, x: Tensor) -> Tensor:
        """Four times a map."""
        return torch.cat([x] * darts.NODES, 1)


def price_cells(space: str, skeleton: Skeleton, channels: int, classes: int, size_px: int, price: Price) -> CellCosts:
    """Price networks of cells by a lookup table of their operations and of the sums at nodes; chains, block by block.

    Args:
        space: nasbench201, darts or mobilenet.
        skeleton: of the networks.
        channels, classes, size_px: of their images.
        price: of one operation.

    Raises:
        UserError: if an operation has no price.
    """
    return _PRICED[space](skeleton, channels, classes, size_px, price)


def _price_nasbench201(skeleton: Skeleton, channels: int, classes: int, size_px: int, price: Price) -> CellCosts:
    def operations(cell: tuple[str, ...]) -> Counter[Operation]:
        return Counter(operations_of(to_module(str(Cell(cell)), channels, classes, skeleton), channels, size_px))

    nothing = ("none",) * (len(EDGES) - 1)
    fixed = operations(("none", *nothing))
    # An operation that stands on one edge of each cell, less the network without it.
    added = {name: list((operations((name, *nothing)) - fixed).elements()) for name in OPERATIONS}
    sums = [Operation(repr(Sum()), one.channels, one.side_px, Sum()) for one in added["conv1"]]
    table = LookupTable.fill([*fixed, *sums, *(operation for of in added.values() for operation in of)], price)
    prices = {name: table.estimate(of) for name, of in added.items()}
    return on_all_edges(table.estimate(list(fixed.elements())), prices, table.estimate(sums))


def _price_darts(skeleton: Skeleton, channels: int, classes: int, size_px: int, price: Price) -> CellCosts:
    there = list(darts_costs.places(skeleton, stem_px(skeleton, size_px)))

    def operations(edge: int, name: str) -> list[Operation]:
        """Of an edge, in all cells of its kind."""
        kind, number = divmod(edge, len(darts.EDGES))
        halve = bool(kind) and darts.EDGES[number][0] < darts.INPUTS
        own = [place for place in there if place.reduction == bool(kind)]
        modules = [nn.Identity() if name == "none" else make_operation(name, place.width, halve) for place in own]
        return [
            Operation(repr(module), place.width, place.side_px if halve else place.after_px, module)
            for place, module in zip(own, modules, strict=True)
            if not isinstance(module, nn.Identity)
        ]

    # The network of which all nodes keep skip connections from the inputs, without these.
    inputs = [edge for edge in range(len(darts.EDGE_NAMES)) if darts.EDGES[edge % len(darts.EDGES)][0] < darts.INPUTS]
    bare = darts.CellNetwork.of([(edge, darts.OPERATIONS.index("skip")) for edge in inputs], skeleton)
    fixed = Counter(operations_of(to_darts(bare, channels, classes), channels, size_px))
    fixed -= Counter(operation for edge in inputs for operation in operations(edge, "skip"))
    sums = [Operation(repr(Sum()), place.width, place.after_px, Sum()) for place in there] * darts.NODES
    beside = [Operation(repr(SideBySide()), place.width, place.after_px, SideBySide()) for place in there]
    rest = [*fixed.elements(), *sums, *beside]
    added = [[operations(edge, name) for name in darts.OPERATIONS] for edge in range(len(darts.EDGE_NAMES))]
    table = LookupTable.fill([*rest, *(one for edge in added for of in edge for one in of)], price)
    return CellCosts(table.estimate(rest), tuple(tuple(map(table.estimate, edge)) for edge in added))


def _price_mobilenet(_skeleton: Skeleton, channels: int, classes: int, size_px: int, price: Price) -> CellCosts:
    blocks: list[list[Operation]] = []
    rest: list[Operation] = []
    for name in mobilenet.OPERATIONS:
        network = ChainNet(mobilenet.Chain((name,) * len(mobilenet.space().choices)), channels, classes)
        stem, first, *inside, last, linear = operations_of(network, channels, size_px)
        rest = [stem, first, last, linear]
        # Blocks as a whole, with the sum at their end.
        blocks.append(
            [
                Operation(repr(block), one.channels, one.side_px, block)
                for one, block in zip(inside, network.blocks, strict=True)
            ]
        )
    table = LookupTable.fill([*rest, *(block for of in blocks for block in of)], price)
    prices = tuple((0.0, *(table.estimate([block]) for block in place)) for place in zip(*blocks, strict=True))
    return CellCosts(table.estimate(rest), prices)


_PRICED = {"nasbench201": _price_nasbench201, "darts": _price_darts, "mobilenet": _price_mobilenet}
