"""Layout of a directed acyclic graph such that arrows lead downwards and rarely cross."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_SWEEPS = 8


@dataclass(frozen=True)
class Layout:
    """The positions of a graph's nodes and arrows.

    Args:
        places: (n, 2) x and layer of each node; x is centred on 0, with distance 1 between neighbours; layer
            0 is on top.
        paths: (from, to) of each arrow -> the (x, layer) points that it passes, one per layer, including its ends.
    """

    places: NDArray[np.float64]
    paths: dict[tuple[int, int], list[tuple[float, float]]]


def lay_out(arrows: NDArray[np.bool_]) -> Layout:
    """Place the nodes of a graph in layers.

    Args:
        arrows: (n, n) mask of arrows [from, to], without cycles.

    Raises:
        ValueError: if the graph has a cycle.

    Source: Sugiyama, Tagawa and Toda 1981: layers by longest path, a dummy node for each arrow in each layer that it
        passes, and barycentres to order each layer.
    """
    layer = _layers(arrows)
    rows: list[list[int]] = [[int(node) for node in np.flatnonzero(layer == level)] for level in range(layer.max() + 1)]
    chains: dict[tuple[int, int], list[int]] = {}
    count = len(arrows)
    for tail, head in zip(*np.nonzero(arrows), strict=True):
        chain = [int(tail)]
        for level in range(layer[tail] + 1, layer[head]):
            rows[level].append(count)
            chain.append(count)
            count += 1
        chains[int(tail), int(head)] = [*chain, int(head)]
    neighbours: list[set[int]] = [set() for _ in range(count)]
    for chain in chains.values():
        for one, other in pairwise(chain):
            neighbours[one].add(other)
            neighbours[other].add(one)
    x = _order(rows, neighbours)
    levels = {node: float(level) for level, row in enumerate(rows) for node in row}
    places = np.array([(x[node], levels[node]) for node in range(len(arrows))])
    return Layout(places, {ends: [(x[node], levels[node]) for node in chain] for ends, chain in chains.items()})


def _layers(arrows: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Compute the length of the longest path that ends in each node."""
    layer = np.zeros(len(arrows), dtype=np.int64)
    for _ in range(len(arrows)):
        deeper = np.where(arrows, layer[:, None] + 1, 0).max(0, initial=0)
        if (deeper <= layer).all():
            return layer
        layer = np.maximum(layer, deeper)
    raise ValueError("the graph has a cycle")


def _order(rows: list[list[int]], neighbours: list[set[int]]) -> dict[int, float]:
    """Order each row by the mean x of its nodes' neighbours, in alternating sweeps; return the x of each node."""
    x = {node: place for row in rows for node, place in zip(row, _spread(len(row)), strict=True)}
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            centres = {node: float(np.mean([x[other] for other in neighbours[node]] or [x[node]])) for node in row}
            row.sort(key=lambda node: (centres[node], node))
            x |= dict(zip(row, _spread(len(row)), strict=True))
    return x


def _spread(count: int) -> list[float]:
    return [place - (count - 1) / 2 for place in range(count)]
