"""Functions that the declarations of all cell spaces share: costs, descriptions and counts of operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from workflow_lib.spaces.cell_costs import CellCosts, Cells
from workflow_lib.spaces.network_counts import Costs

if TYPE_CHECKING:
    from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton


class CellNetwork(Cells, Protocol):
    """A network that repeats cells in a skeleton."""

    @property
    def skeleton(self) -> Skeleton:
        """How often the cells are repeated, and how wide they are."""


class Counts(Protocol):
    """A module that counts the costs of a space's networks."""

    def count_parameters(self, skeleton: Skeleton, channels: int, classes: int) -> CellCosts:
        """Count trainable parameters.

        Args:
            skeleton: skeleton of the networks.
            channels: bands of the input images.
            classes: number of classes.
        """

    def count_multiply_adds(self, skeleton: Skeleton, channels: int, classes: int, size_px: int) -> CellCosts:
        """Count multiply-adds for one image.

        Args:
            skeleton, channels, classes: as in `count_parameters`.
            size_px: side of the input images (pixels).
        """

    def count_activations(self, skeleton: Skeleton, channels: int, classes: int, size_px: int) -> CellCosts:
        """Count the output values of all layers for one image.

        Args:
            skeleton, channels, classes, size_px: as in `count_multiply_adds`.
        """


def count_cells(counts: Counts, network: CellNetwork, channels: int, classes: int, size_px: int) -> Costs:
    """Count what a network costs for one chip.

    Args:
        counts: module with the counting functions of its space.
        network: the network.
        channels: bands of the chips.
        classes: number of classes.
        size_px: side of the chips (pixels).
    """
    images = (network.skeleton, channels, classes, size_px)
    return Costs(
        int(counts.count_multiply_adds(*images).total(network)),
        int(counts.count_activations(*images).total(network)),
        int(counts.count_parameters(network.skeleton, channels, classes).total(network)),
    )


def describe_cells(cells: str, skeleton: Skeleton) -> str:
    """Describe a network in words.

    Args:
        cells: description of its cells.
        skeleton: how the cells are repeated.
    """
    return (
        f"a network of {cells}: three stages of {skeleton.cells}, with {skeleton.width} to {4 * skeleton.width} "
        f"channels, after a stem of {max(1, skeleton.stem_strides)} convolutions"
    )


def count_operations(network: CellNetwork, operations: Iterable[str]) -> Mapping[str, int]:
    """Count the edges of a network that have each operation, keyed by the title "edges with <operation>"."""
    return {f"edges with {name}": list(network.operations).count(name) for name in sorted(operations)}
