"""The cells of NAS-Bench-201 (Dong and Yang 2020): one of five operations on each of six edges, 15,625 cells in all."""

import re
from dataclasses import dataclass
from typing import Self

from workflow_lib.core.errors import ConfigError
from workflow_lib.spaces.space import Configuration, Space

OPERATIONS = {
    "none": "none",
    "skip": "skip_connect",
    "conv1": "nor_conv_1x1",
    "conv3": "nor_conv_3x3",
    "pool": "avg_pool_3x3",
}
"""Short name, as used in ids -> name in the benchmark."""

STAGES = 3
"""Number of stages; the second and third have 2 and 4 times the first's channels at 1/2 and 1/4 of its side."""

EDGES = tuple((tail, head) for head in range(1, 4) for tail in range(head))
"""(from, to) nodes of each edge, in the benchmark's order; node 0 is the cell's input and node 3 its output."""

NODES = tuple(
    tuple(edge for edge, (_, end) in enumerate(EDGES) if end == head) for head in sorted({head for _, head in EDGES})
)
"""Indices of the edges into each node."""

KERNELS = {"conv1": 1, "conv3": 3}
"""Convolution -> its kernel size (pixels)."""

_FROM_BENCHMARK = {long: short for short, long in OPERATIONS.items()}
_BENCHMARK = ((16, 32), (32, 16), (64, 8))
_CELLS, _IMAGE_CHANNELS, _IMAGE_PX = 5, 3, 32


@dataclass(frozen=True, order=True)
class Cell:
    """One cell; `str(cell)` is its id, such as conv3-none.skip-conv1.conv3.pool, which is safe in file names.

    Args:
        operations: short name of the operation on each edge of `EDGES`.

    >>> Cell.parse("conv3-none.skip-conv1.conv3.pool").operations
    ('conv3', 'none', 'skip', 'conv1', 'conv3', 'pool')
    """

    operations: tuple[str, ...]

    def __str__(self) -> str:
        first, second, third = self.operations[:1], self.operations[1:3], self.operations[3:]
        return "-".join(".".join(part) for part in (first, second, third))

    @property
    def chosen(self) -> list[tuple[int, int]]:
        """(edge index, operation index) pairs."""
        return [(edge, list(OPERATIONS).index(operation)) for edge, operation in enumerate(self.operations)]

    @property
    def without_dead_operations(self) -> Self | None:
        """The cell with "none" on edges that lie on no path from input to output; None if there is no such path."""
        present = [edge for edge, operation in zip(EDGES, self.operations, strict=True) if operation != "none"]
        first, last = 0, EDGES[-1][1]
        from_input, to_output = {first}, {last}
        for node in range(first + 1, last + 1):
            from_input |= {head for tail, head in present if head == node and tail in from_input}
        for node in reversed(range(first, last)):
            to_output |= {tail for tail, head in present if tail == node and head in to_output}
        if last not in from_input:
            return None
        kept = {(tail, head) for tail, head in present if tail in from_input and head in to_output}
        return type(self)(
            tuple(name if edge in kept else "none" for edge, name in zip(EDGES, self.operations, strict=True))
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an id; the inverse of `str`.

        Raises:
            ConfigError: if the text is not an id of this space.
        """
        nodes = [tuple(node.split(".")) for node in text.split("-")]
        operations = tuple(operation for node in nodes for operation in node)
        if [len(node) for node in nodes] != [1, 2, 3] or not set(operations) <= set(OPERATIONS):
            raise ConfigError(
                "not a NAS-Bench-201 cell", text, "expected something like conv3-none.skip-conv1.conv3.pool"
            )
        return cls(operations)

    @classmethod
    def from_benchmark(cls, text: str) -> Self:
        """Parse the benchmark's notation, such as |nor_conv_3x3~0|+|none~0|skip_connect~1|+|...|.

        Raises:
            ConfigError: if the text is not a cell in that notation.
        """
        found = re.findall(r"(\w+)~(\d)", text)
        known = all(name in _FROM_BENCHMARK for name, _ in found)
        if [int(tail) for _, tail in found] != [tail for tail, _ in EDGES] or not known:
            raise ConfigError("not a NAS-Bench-201 cell", text)
        return cls(tuple(_FROM_BENCHMARK[name] for name, _ in found))


@dataclass(frozen=True)
class Skeleton:
    """The fixed part of networks of cells.

    Attributes:
        width: channels of the first stage.
        cells: cells per stage.
        stem_strides: number of stride-2 convolutions in the stem, for large images; 0: one convolution with stride 1,
            as in the benchmark.
    """

    width: int = 16
    cells: int = 5
    stem_strides: int = 0


def stem_px(skeleton: Skeleton, size_px: int) -> int:
    """Side of the stem's output (pixels).

    Args:
        skeleton: skeleton of the network.
        size_px: side of the input images (pixels).

    >>> stem_px(Skeleton(stem_strides=2), 250)
    63
    """
    for _ in range(skeleton.stem_strides):
        size_px = halved(size_px)
    return size_px


def halved(side_px: int) -> int:
    """Side of a map after a layer with stride 2, rounded up (pixels)."""
    return (side_px + 1) // 2


_OPERATION = rf"(?:{'|'.join(OPERATIONS)})"
_CELL = rf"{_OPERATION}-{_OPERATION}\.{_OPERATION}-{_OPERATION}\.{_OPERATION}\.{_OPERATION}"
PATTERN = rf"cell-{_CELL}-w\d+-n\d+-s\d+"
"""Regular expression of the ids of networks of cells, also used in Snakemake's wildcard constraint."""


@dataclass(frozen=True)
class CellNetwork:
    """A cell in a skeleton; `str(network)` is its id, such as cell-conv3-none.skip-conv1.conv3.pool-w8-n1-s2.

    Args:
        cell: the cell that all stages repeat.
        skeleton: width (w in the id), cells per stage (n) and stem strides (s).
    """

    cell: Cell
    skeleton: Skeleton

    @property
    def operations(self) -> tuple[str, ...]:
        """Name of the operation on each edge."""
        return self.cell.operations

    @property
    def without_dead_operations(self) -> Self | None:
        """The network of `Cell.without_dead_operations`, or None if no path connects input and output."""
        cell = self.cell.without_dead_operations
        return type(self)(cell, self.skeleton) if cell else None

    @property
    def is_live(self) -> bool:
        """Whether every operation affects the output."""
        return self.cell.without_dead_operations == self.cell

    @property
    def chosen(self) -> list[tuple[int, int]]:
        """(edge index, operation index) pairs."""
        return self.cell.chosen

    def __str__(self) -> str:
        skeleton = self.skeleton
        return f"cell-{self.cell}-w{skeleton.width}-n{skeleton.cells}-s{skeleton.stem_strides}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an id; the inverse of `str`.

        Raises:
            ConfigError: if the text is not such an id.
        """
        found = re.fullmatch(rf"cell-({_CELL})-w([1-9]\d*)-n([1-9]\d*)-s(0|[1-9]\d*)", text)
        if not found:
            raise ConfigError(
                "not a network of cells", text, "expected something like cell-conv3-none.skip-conv1.conv3.pool-w8-n1-s2"
            )
        return cls(Cell.parse(found[1]), Skeleton(int(found[2]), int(found[3]), int(found[4])))


def multiply_adds(cell: Cell, classes: int = 10) -> int:
    """Multiply-adds of the benchmark's network of a cell for one CIFAR image; it has 15 cells and 16 to 64 channels.

    >>> multiply_adds(Cell.parse("skip-skip.skip-skip.skip.skip"))
    7783040

    Source: Dong and Yang 2020, section 2; these are the FLOPs that the paper publishes.
    """
    width = _BENCHMARK[0][0]
    total = _IMAGE_CHANNELS * width * 9 * _IMAGE_PX**2 + _BENCHMARK[-1][0] * classes
    weights = sum(KERNELS.get(operation, 0) ** 2 for operation in cell.operations)
    for stage, (channels, side_px) in enumerate(_BENCHMARK):
        total += _CELLS * weights * (channels * side_px) ** 2
        if stage:
            before = _BENCHMARK[stage - 1][0]
            # A residual block with stride 2 and a 1 x 1 convolution in its shortcut.
            total += (9 * before + 9 * channels + before) * channels * side_px**2
    return total


def space() -> Space:
    """The search space of all cells."""

    def build(configuration: Configuration) -> str:
        return str(Cell(tuple(str(configuration[_edge(*edge)]) for edge in EDGES)))

    def parse(text: str) -> Configuration:
        return {_edge(*edge): operation for edge, operation in zip(EDGES, Cell.parse(text).operations, strict=True)}

    return Space({_edge(*edge): list(OPERATIONS) for edge in EDGES}, build, parse)


def network_space(skeleton: Skeleton) -> Space:
    """The search space of all networks of a skeleton; only the cell varies."""
    cells = space()

    def build(configuration: Configuration) -> str:
        return str(CellNetwork(Cell.parse(cells.build(configuration)), skeleton))

    def parse(text: str) -> Configuration:
        return cells.parse(str(CellNetwork.parse(text).cell))

    return Space(cells.choices, build, parse, lambda text: CellNetwork.parse(text).without_dead_operations is not None)


def _edge(tail: int, head: int) -> str:
    return f"edge_{tail}_{head}"
