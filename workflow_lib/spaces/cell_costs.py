"""What networks of cells cost, edge by edge: what a constrained search bounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

COUNTED = ("parameters", "multiply_adds")
"""Quantities that are counted, and not predicted for a device."""


class Cells(Protocol):
    """The cells that a network repeats."""

    @property
    def operations(self) -> Sequence[str]:
        """Names of the operations on all edges."""

    @property
    def chosen(self) -> Sequence[tuple[int, int]]:
        """Numbers of edges, and of the operations on them."""


@dataclass(frozen=True)
class CellCosts:
    """A cost that adds up over the operations of a network.

    Attributes:
        fixed: of all that is not searched, less the sums of nodes with one edge.
        prices: (edges, operations) what an operation costs on an edge, with one sum, in all cells of the network
            together, each with its own channels.
        sums: what one sum of two maps costs, in all cells together: a node without edges saves none.
        nodes: the edges that lead to each node that may be without; the first operation on an edge is none.
    """

    fixed: float
    prices: tuple[tuple[float, ...], ...]
    sums: float = 0.0
    nodes: tuple[tuple[int, ...], ...] = ()

    def total(self, cells: Cells) -> float:
        """Of the network that repeats these cells, all included."""
        chosen = dict(cells.chosen)
        empty = sum(not any(chosen[edge] for edge in node) for node in self.nodes)
        return self.fixed + sum(self.prices[edge][name] for edge, name in chosen.items()) + self.sums * empty
