"""What the declarations of networks of repeated cells share: their costs, their words, their choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from workflow_lib.spaces.cell_costs import CellCosts, Cells
from workflow_lib.spaces.network_counts import Costs

if TYPE_CHECKING:
    from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton


class CellNetwork(Cells, Protocol):
    """Cells in a skeleton."""

    @property
    def skeleton(self) -> Skeleton:
        """How often they are repeated, and how wide they are."""


class Counts(Protocol):
    """A module that counts what networks of a space cost."""

    def count_parameters(self, skeleton: Skeleton, channels: int, classes: int) -> CellCosts:
        """Trainable parameters."""

    def count_multiply_adds(self, skeleton: Skeleton, channels: int, classes: int, size_px: int) -> CellCosts:
        """Multiply-adds for one image."""

    def count_activations(self, skeleton: Skeleton, channels: int, classes: int, size_px: int) -> CellCosts:
        """Numbers that all layers put out for one image."""


def count_cells(counts: Counts, network: CellNetwork, channels: int, classes: int, size_px: int) -> Costs:
    """What a network costs for one chip.

    Args:
        counts: those of its space.
        network: the network.
        channels, classes, size_px: of its images.
    """
    images = (network.skeleton, channels, classes, size_px)
    return Costs(
        int(counts.count_multiply_adds(*images).total(network)),
        int(counts.count_activations(*images).total(network)),
        int(counts.count_parameters(network.skeleton, channels, classes).total(network)),
    )


def describe_cells(cells: str, skeleton: Skeleton) -> str:
    """A network in words.

    Args:
        cells: its cells in words.
        skeleton: how they are repeated.
    """
    return (
        f"a network of {cells}: three stages of {skeleton.cells}, with {skeleton.width} to {4 * skeleton.width} "
        f"channels, after a stem of {max(1, skeleton.stem_strides)} convolutions"
    )


def count_operations(network: CellNetwork, operations: Iterable[str]) -> Mapping[str, int]:
    """How many edges of a network have each operation, by the title of that choice."""
    return {f"edges with {name}": list(network.operations).count(name) for name in sorted(operations)}
