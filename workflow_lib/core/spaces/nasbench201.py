"""The cells of NAS-Bench-201 (Dong and Yang 2020): five operations on each of six edges, 15,625 in all."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from workflow_lib.core.errors import ConfigError
from workflow_lib.core.spaces.space import Space

OPERATIONS = {
    "none": "none",
    "skip": "skip_connect",
    "conv1": "nor_conv_1x1",
    "conv3": "nor_conv_3x3",
    "pool": "avg_pool_3x3",
}
"""Short name, as ids spell it -> name in the benchmark."""

EDGES = tuple((tail, head) for head in range(1, 4) for tail in range(head))
"""(from, to) in the benchmark's order; node 0 is the cell's input, 3 its output."""

_KERNELS = {"conv1": 1, "conv3": 3}
_FROM_BENCHMARK = {long: short for short, long in OPERATIONS.items()}
_STAGES = ((16, 32), (32, 16), (64, 8))
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


def multiply_adds(cell: Cell, classes: int = 10) -> int:
    """Multiply-adds of the benchmark's network of such cells for one CIFAR image: 15 cells, 16 to 64 channels.

    Source: Dong and Yang 2020, section 2; its published FLOPs are these.
    """
    width = _STAGES[0][0]
    total = _IMAGE_CHANNELS * width * 9 * _IMAGE_PX**2 + _STAGES[-1][0] * classes
    weights = sum(_KERNELS.get(operation, 0) ** 2 for operation in cell.operations)
    for stage, (channels, side_px) in enumerate(_STAGES):
        total += _CELLS * weights * (channels * side_px) ** 2
        if stage:
            before = _STAGES[stage - 1][0]
            # A residual block of stride 2, with a convolution of 1 x 1 beside it.
            total += (9 * before + 9 * channels + before) * channels * side_px**2
    return total


def space() -> Space:
    """All cells, as search strategies see them."""

    def build(configuration: Mapping[str, int | str]) -> str:
        return str(Cell(tuple(str(configuration[_edge(*edge)]) for edge in EDGES)))

    return Space({_edge(*edge): list(OPERATIONS) for edge in EDGES}, build)


def _edge(tail: int, head: int) -> str:
    return f"edge_{tail}_{head}"
