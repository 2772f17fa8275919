"""The cells of NAS-Bench-201 (Dong and Yang 2020): five operations on each of six edges, 15,625 in all."""

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
"""Short name, as ids spell it -> name in the benchmark."""

STAGES = 3
"""Of a network: the second and third have twice and four times as many channels, on half and a quarter of the side."""

EDGES = tuple((tail, head) for head in range(1, 4) for tail in range(head))
"""(from, to) in the benchmark's order; node 0 is the cell's input, 3 its output."""

NODES = tuple(
    tuple(edge for edge, (_, own) in enumerate(EDGES) if own == head) for head in sorted({head for _, head in EDGES})
)
"""Numbers of the edges that lead to each node."""

KERNELS = {"conv1": 1, "conv3": 3}
"""Operation that convolves -> its kernel (pixels)."""

_FROM_BENCHMARK = {long: short for short, long in OPERATIONS.items()}
_BENCHMARK = ((16, 32), (32, 16), (64, 8))
_CELLS, _IMAGE_CHANNELS, _IMAGE_PX = 5, 3, 32


@dataclass(frozen=True, order=True)
class Cell:
    """One cell; its text is its id, such as conv3-none.skip-conv1.conv3.pool, file-name-safe.

    Args:
        operations: one per edge of `EDGES`, by short name.
    """

    operations: tuple[str, ...]

    def __str__(self) -> str:
        first, second, third = self.operations[:1], self.operations[1:3], self.operations[3:]
        return "-".join(".".join(part) for part in (first, second, third))

    @property
    def chosen(self) -> list[tuple[int, int]]:
        """Numbers of edges, and of the operations on them."""
        return [(edge, list(OPERATIONS).index(operation)) for edge, operation in enumerate(self.operations)]

    @property
    def alive(self) -> Self | None:
        """Without operations that lead nowhere, none in their places; None if the output does not see the input."""
        there = [edge for edge, operation in zip(EDGES, self.operations, strict=True) if operation != "none"]
        first, last = 0, EDGES[-1][1]
        reached, leads = {first}, {last}
        for node in range(first + 1, last + 1):
            reached |= {head for tail, head in there if head == node and tail in reached}
        for node in reversed(range(first, last)):
            leads |= {tail for tail, head in there if tail == node and head in leads}
        if last not in reached:
            return None
        kept = {(tail, head) for tail, head in there if tail in reached and head in leads}
        return type(self)(
            tuple(name if edge in kept else "none" for edge, name in zip(EDGES, self.operations, strict=True))
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an id; the inverse of `str`.

        Raises:
            ConfigError: if the text is no id of this space.
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
        """Read the benchmark's own spelling, such as |nor_conv_3x3~0|+|none~0|skip_connect~1|+|...|.

        Raises:
            ConfigError: if it is none.
        """
        found = re.findall(r"(\w+)~(\d)", text)
        known = all(name in _FROM_BENCHMARK for name, _ in found)
        if [int(tail) for _, tail in found] != [tail for tail, _ in EDGES] or not known:
            raise ConfigError("not a NAS-Bench-201 cell", text)
        return cls(tuple(_FROM_BENCHMARK[name] for name, _ in found))


@dataclass(frozen=True)
class Skeleton:
    """What all networks have in common.

    Attributes:
        width: channels of the first stage.
        cells: per stage.
        stem_strides: stride-2 convolutions that make the stem of large images; 0: one of stride 1, the benchmark's.
    """

    width: int = 16
    cells: int = 5
    stem_strides: int = 0


def stem_px(skeleton: Skeleton, size_px: int) -> int:
    """The side of the stem's output.

    Args:
        skeleton: of the network.
        size_px: side of its images.
    """
    for _ in range(skeleton.stem_strides):
        size_px = halved(size_px)
    return size_px


def halved(side_px: int) -> int:
    """The side after a stride of 2."""
    return (side_px + 1) // 2


_OPERATION = rf"(?:{'|'.join(OPERATIONS)})"
_CELL = rf"{_OPERATION}-{_OPERATION}\.{_OPERATION}-{_OPERATION}\.{_OPERATION}\.{_OPERATION}"
PATTERN = rf"cell-{_CELL}-w\d+-n\d+-s\d+"
"""What an id of a network of cells looks like; also Snakemake's constraint of wildcards."""


@dataclass(frozen=True)
class CellNetwork:
    """A cell in a skeleton; its text is its id, such as cell-conv3-none.skip-conv1.conv3.pool-w8-n1-s2.

    Args:
        cell: that all stages repeat.
        skeleton: w is its width, n its cells per stage, s the strides of its stem.
    """

    cell: Cell
    skeleton: Skeleton

    @property
    def operations(self) -> tuple[str, ...]:
        """Names of the operations on all edges."""
        return self.cell.operations

    @property
    def alive(self) -> Self | None:
        """Of the cell that is `alive`."""
        cell = self.cell.alive
        return type(self)(cell, self.skeleton) if cell else None

    @property
    def chosen(self) -> list[tuple[int, int]]:
        """Numbers of edges, and of the operations on them."""
        return self.cell.chosen

    def __str__(self) -> str:
        own = self.skeleton
        return f"cell-{self.cell}-w{own.width}-n{own.cells}-s{own.stem_strides}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an id; the inverse of `str`.

        Raises:
            ConfigError: if the text is no such id.
        """
        found = re.fullmatch(rf"cell-({_CELL})-w([1-9]\d*)-n([1-9]\d*)-s(0|[1-9]\d*)", text)
        if not found:
            raise ConfigError(
                "not a network of cells", text, "expected something like cell-conv3-none.skip-conv1.conv3.pool-w8-n1-s2"
            )
        return cls(Cell.parse(found[1]), Skeleton(int(found[2]), int(found[3]), int(found[4])))


def multiply_adds(cell: Cell, classes: int = 10) -> int:
    """Multiply-adds of the benchmark's network of such cells for one CIFAR image: 15 cells, 16 to 64 channels.

    Source: Dong and Yang 2020, section 2; its published FLOPs are these.
    """
    width = _BENCHMARK[0][0]
    total = _IMAGE_CHANNELS * width * 9 * _IMAGE_PX**2 + _BENCHMARK[-1][0] * classes
    weights = sum(KERNELS.get(operation, 0) ** 2 for operation in cell.operations)
    for stage, (channels, side_px) in enumerate(_BENCHMARK):
        total += _CELLS * weights * (channels * side_px) ** 2
        if stage:
            before = _BENCHMARK[stage - 1][0]
            # A residual block of stride 2, with a convolution of 1 x 1 beside it.
            total += (9 * before + 9 * channels + before) * channels * side_px**2
    return total


def space() -> Space:
    """All cells, as search strategies see them."""

    def build(configuration: Configuration) -> str:
        return str(Cell(tuple(str(configuration[_edge(*edge)]) for edge in EDGES)))

    def parse(text: str) -> Configuration:
        return {_edge(*edge): operation for edge, operation in zip(EDGES, Cell.parse(text).operations, strict=True)}

    return Space({_edge(*edge): list(OPERATIONS) for edge in EDGES}, build, parse)


def network_space(skeleton: Skeleton) -> Space:
    """All networks of a skeleton, as search strategies see them: they choose the cell."""
    cells = space()

    def build(configuration: Configuration) -> str:
        return str(CellNetwork(Cell.parse(cells.build(configuration)), skeleton))

    def parse(text: str) -> Configuration:
        return cells.parse(str(CellNetwork.parse(text).cell))

    return Space(cells.choices, build, parse, lambda text: CellNetwork.parse(text).alive is not None)


def _edge(tail: int, head: int) -> str:
    return f"edge_{tail}_{head}"
