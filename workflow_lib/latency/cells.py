"""What operations of cells take on a device: the costs of a search that bounds latency or energy."""

from collections import Counter

from torch import Tensor, nn

from workflow_lib.core.spaces.cell_costs import CellCosts
from workflow_lib.core.spaces.nasbench201 import EDGES, OPERATIONS, Cell, Skeleton
from workflow_lib.latency.lookup import LookupTable, Operation, Price, operations_of
from workflow_lib.models.nasbench201 import to_module


class Sum(nn.Module):
    """The sum of two maps."""

    def forward(self, x: Tensor) -> Tensor:
        """Of a map and itself: its shape stays."""
        return x + x


def price_cells(skeleton: Skeleton, channels: int, classes: int, size_px: int, price: Price) -> CellCosts:
    """Price networks of cells by a lookup table of their operations and of the sums at nodes.

    Args:
        skeleton: of the networks.
        channels, classes, size_px: of their images.
        price: of one operation.

    Raises:
        UserError: if an operation has no price.
    """

    def operations(cell: tuple[str, ...]) -> Counter[Operation]:
        return Counter(operations_of(to_module(str(Cell(cell)), channels, classes, skeleton), channels, size_px))

    nothing = ("none",) * (len(EDGES) - 1)
    fixed = operations(("none", *nothing))
    # An operation that stands on one edge of each cell, less the network without it.
    added = {name: list((operations((name, *nothing)) - fixed).elements()) for name in OPERATIONS}
    sums = [Operation(repr(Sum()), one.channels, one.side_px, Sum()) for one in added["conv1"]]
    table = LookupTable.fill([*fixed, *sums, *(operation for of in added.values() for operation in of)], price)
    prices = {name: table.estimate(of) for name, of in added.items()}
    return CellCosts.alike(table.estimate(list(fixed.elements())), prices, table.estimate(sums))
