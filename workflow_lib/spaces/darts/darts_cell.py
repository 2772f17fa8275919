"""The cells of DARTS (Liu, Simonyan and Yang 2019): a normal cell keeps the side, a reduction cell halves it.

A cell has two inputs, the outputs of the two preceding cells, and four nodes. Each node is the sum of two edges from
inputs or earlier nodes. The output of the cell is the concatenation of all four nodes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Self

from workflow_lib.core.errors import ConfigError
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.spaces.space import Configuration, Space

OPERATIONS = ("none", "skip", "max", "avg", "sep3", "sep5", "dil3", "dil5")
"""none, skip connection, 3 x 3 poolings, and separable and dilated separable convolutions with their kernel size."""

INPUTS, NODES = 2, 4
KINDS = ("normal", "reduction")

EDGES = tuple((tail, head) for head in range(INPUTS, INPUTS + NODES) for tail in range(head))
"""(from, to) nodes of each edge of a cell; nodes 0 and 1 are its inputs."""

CHOSEN = 2
"""Number of edges that a node keeps."""

_EDGES_OF_NODE = ("first", "second")

_STEP = rf"(?:{'|'.join(OPERATIONS[1:])})\.[0-4]"
_CELL = "-".join([rf"{_STEP}\.{_STEP}"] * NODES)
PATTERN = rf"darts-{_CELL}-{_CELL}-w\d+-n\d+-s\d+"
"""Regular expression of the ids of networks of DARTS cells, also used in Snakemake's wildcard constraint."""


@dataclass(frozen=True, order=True)
class Cell:
    """One cell; `str(cell)` is its id, such as sep3.0.skip.1-sep3.0.sep5.1-skip.0.dil3.2-max.1.sep3.4.

    Args:
        steps: (operation, source node) of each edge, two edges per node, in ascending order of nodes and sources.

    >>> Cell.parse("sep3.0.skip.1-sep3.0.sep5.1-skip.0.dil3.2-max.1.sep3.4").steps[:3]
    (('sep3', 0), ('skip', 1), ('sep3', 0))
    """

    steps: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        texts = [f"{operation}.{tail}" for operation, tail in self.steps]
        return "-".join(".".join(texts[first : first + CHOSEN]) for first in range(0, len(texts), CHOSEN))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an id; the inverse of `str`.

        Raises:
            ConfigError: if the text is not the id of a DARTS cell.
        """
        if re.fullmatch(_CELL, text):
            parts = re.split(r"[-.]", text)
            steps = tuple((operation, int(tail)) for operation, tail in zip(parts[::2], parts[1::2], strict=True))
            cell = cls(steps)
            tails = [[tail for _, tail, node in cell.edges if node == head] for head in range(INPUTS, INPUTS + NODES)]
            if all(first < second < INPUTS + node for node, (first, second) in enumerate(tails)):
                return cell
        raise ConfigError(
            "not a DARTS cell", text, "expected something like sep3.0.skip.1-sep3.0.sep5.1-skip.0.dil3.2-max.1.sep3.4"
        )

    @property
    def edges(self) -> list[tuple[str, int, int]]:
        """(operation, source node, target node) of each edge."""
        return [(operation, tail, INPUTS + number // CHOSEN) for number, (operation, tail) in enumerate(self.steps)]


@dataclass(frozen=True)
class CellNetwork:
    """Two cells in a skeleton; `str(network)` is its id, darts-<normal>-<reduction>-w8-n2-s2.

    Args:
        normal: cell that keeps the side.
        reduction: cell between stages that halves the side and doubles the width.
        skeleton: width of the first cells (w in the id), normal cells per stage (n) and stem strides (s).
    """

    normal: Cell
    reduction: Cell
    skeleton: Skeleton

    def __str__(self) -> str:
        skeleton = self.skeleton
        return f"darts-{self.normal}-{self.reduction}-w{skeleton.width}-n{skeleton.cells}-s{skeleton.stem_strides}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an id; the inverse of `str`.

        Raises:
            ConfigError: if the text is not such an id.
        """
        found = re.fullmatch(rf"darts-({_CELL})-({_CELL})-w([1-9]\d*)-n([1-9]\d*)-s(0|[1-9]\d*)", text)
        if not found:
            raise ConfigError("not a network of DARTS cells", text, "expected darts-<normal>-<reduction>-w8-n2-s2")
        normal, reduction = map(Cell.parse, found.groups()[:2])
        return cls(normal, reduction, Skeleton(*map(int, found.groups()[2:])))

    @property
    def operations(self) -> tuple[str, ...]:
        """Name of the operation on each edge of both cells."""
        return tuple(operation for cell in (self.normal, self.reduction) for operation, _ in cell.steps)

    @property
    def chosen(self) -> list[tuple[int, int]]:
        """(edge index, operation index) pairs; edges of the reduction cell follow those of the normal cell."""
        return [
            (kind * len(EDGES) + EDGES.index((tail, head)), OPERATIONS.index(operation))
            for kind, cell in enumerate((self.normal, self.reduction))
            for operation, tail, head in cell.edges
        ]

    @classmethod
    def of(cls, chosen: Sequence[tuple[int, int]], skeleton: Skeleton) -> Self:
        """Build a network from (edge index, operation index) pairs as in `chosen`, in any order."""
        steps = [(EDGES[edge % len(EDGES)], edge // len(EDGES), OPERATIONS[name]) for edge, name in chosen]
        ordered = sorted(steps, key=lambda step: (step[1], step[0][1], step[0][0]))
        normal, reduction = (
            Cell(tuple((operation, tail) for (tail, _), cell_kind, operation in ordered if cell_kind == kind))
            for kind in range(2)
        )
        return cls(normal, reduction, skeleton)


_TAILS = {
    head: [f"{first}.{second}" for first, second in combinations(range(head), CHOSEN)]
    for head in range(INPUTS, INPUTS + NODES)
}
"""Node -> possible pairs of source nodes of its two edges."""


def network_space(skeleton: Skeleton) -> Space:
    """The search space of all networks of a skeleton: the sources and the operations of each node's two edges."""
    choices: dict[str, list[str]] = {}
    for kind, head in product(KINDS, _TAILS):
        choices[f"{kind} {head} from"] = _TAILS[head]
        choices |= {f"{kind} {head} {edge}": list(OPERATIONS[1:]) for edge in _EDGES_OF_NODE}

    def build(configuration: Configuration) -> str:
        cells = []
        for kind in KINDS:
            steps: list[tuple[str, int]] = []
            for head in _TAILS:
                tails = map(int, str(configuration[f"{kind} {head} from"]).split("."))
                operations = (str(configuration[f"{kind} {head} {edge}"]) for edge in _EDGES_OF_NODE)
                steps += zip(operations, tails, strict=True)
            cells.append(Cell(tuple(steps)))
        return str(CellNetwork(cells[0], cells[1], skeleton))

    def parse(text: str) -> Configuration:
        network, configuration = CellNetwork.parse(text), {}
        for kind, cell in zip(KINDS, (network.normal, network.reduction), strict=True):
            for head in _TAILS:
                steps = [(operation, tail) for operation, tail, node in cell.edges if node == head]
                configuration[f"{kind} {head} from"] = ".".join(str(tail) for _, tail in steps)
                for edge, (operation, _) in zip(_EDGES_OF_NODE, steps, strict=True):
                    configuration[f"{kind} {head} {edge}"] = operation
        return configuration

    return Space(choices, build, parse)


EDGE_NAMES = tuple(f"{kind} {tail}-{head}" for kind, (tail, head) in product(KINDS, EDGES))
"""Names of the edges of the normal cell, then of the reduction cell."""
