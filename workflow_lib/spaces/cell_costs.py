"""Costs of networks of cells as sums over edges, which constrained searches bound."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

COUNTED = ("parameters", "multiply_adds")
"""Costs that are counted rather than predicted for a device."""


def cost_column(quantity: str, predicts_energy: bool = False) -> str:
    """Return the column of the cost that a budget limits.

    Args:
        quantity: parameters, multiply_adds, or the name of a device.
        predicts_energy: whether it is a device that predicts energy instead of latency.

    >>> cost_column("parameters"), cost_column("phone"), cost_column("meter", predicts_energy=True)
    ('parameters', 'latency_phone_ms', 'energy_meter_mj')
    """
    if quantity in COUNTED:
        return quantity
    return f"energy_{quantity}_mj" if predicts_energy else f"latency_{quantity}_ms"


class Cells(Protocol):
    """The cells that a network repeats."""

    @property
    def operations(self) -> Sequence[str]:
        """Names of the operations on all edges."""

    @property
    def chosen(self) -> Sequence[tuple[int, int]]:
        """(edge index, operation index) pairs."""


@dataclass(frozen=True)
class CellCosts:
    """A cost that is a sum over the operations of a network.

    Attributes:
        fixed: cost of everything that is not searched, minus one addition (`sums`) per node of `nodes`.
        prices: (edges, operations) cost of each operation on each edge, including one addition, summed over all cells
            of the network at their own channel counts.
        sums: cost of adding two feature maps, summed over all cells. A node with k edges adds k - 1 times, but a node
            without edges saves nothing; `total` corrects for that.
        nodes: indices of the edges into each node that may be left without edges; operation 0 on an edge is "none".
    """

    fixed: float
    prices: tuple[tuple[float, ...], ...]
    sums: float = 0.0
    nodes: tuple[tuple[int, ...], ...] = ()

    def total(self, cells: Cells) -> float:
        """Total cost of the network that repeats these cells.

        >>> class Chain:
        ...     operations, chosen = ("conv", "skip"), [(0, 1), (1, 0)]
        >>> CellCosts(fixed=10.0, prices=((0.0, 5.0), (2.0, 7.0))).total(Chain())
        17.0
        """
        chosen = dict(cells.chosen)
        empty = sum(not any(chosen[edge] for edge in node) for node in self.nodes)
        return self.fixed + sum(self.prices[edge][name] for edge, name in chosen.items()) + self.sums * empty
