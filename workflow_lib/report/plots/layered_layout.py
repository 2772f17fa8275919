"""Where to draw the nodes of a directed graph without cycles, so that arrows lead down and seldom cross."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_SWEEPS = 8


@dataclass(frozen=True)
class Layout:
    """A drawing of a graph.

    Args:
        places: (n, 2) x, centred on 0 with 1 between neighbours, and layer (0 on top) of each node.
        paths: for each arrow the (x, layer) that it passes, its ends included: one per layer.
    """

    places: NDArray[np.float64]
    paths: dict[tuple[int, int], list[tuple[float, float]]]


def lay_out(arrows: NDArray[np.bool_]) -> Layout:
    """Place nodes in layers.

    Args:
        arrows: (n, n) mask without cycles: [from, to].

    Source: Sugiyama, Tagawa and Toda 1981: layers by longest path, a point for each arrow in each layer that it passes,
        and barycentres to order each layer.
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
    near: list[set[int]] = [set() for _ in range(count)]
    for chain in chains.values():
        for one, other in pairwise(chain):
            near[one].add(other)
            near[other].add(one)
    at = _order(rows, near)
    levels = {node: float(level) for level, row in enumerate(rows) for node in row}
    places = np.array([(at[node], levels[node]) for node in range(len(arrows))])
    return Layout(places, {ends: [(at[node], levels[node]) for node in chain] for ends, chain in chains.items()})


def _layers(arrows: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Length of the longest path that ends in each node."""
    layer = np.zeros(len(arrows), dtype=np.int64)
    for _ in range(len(arrows)):
        deeper = np.where(arrows, layer[:, None] + 1, 0).max(0, initial=0)
        if (deeper <= layer).all():
            return layer
        layer = np.maximum(layer, deeper)
    raise ValueError("the graph has a cycle")


def _order(rows: list[list[int]], near: list[set[int]]) -> dict[int, float]:
    """Order each row by where its nodes' neighbours lie, downwards and upwards in turn; x of each node."""
    at = {node: place for row in rows for node, place in zip(row, _spread(len(row)), strict=True)}
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            centres = {node: float(np.mean([at[other] for other in near[node]] or [at[node]])) for node in row}
            row.sort(key=lambda node: (centres[node], node))
            at |= dict(zip(row, _spread(len(row)), strict=True))
    return at


def _spread(count: int) -> list[float]:
    return [place - (count - 1) / 2 for place in range(count)]
