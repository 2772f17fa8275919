"""The most probable DARTS cells within a budget: exactly, by an integer program, for costs and logarithms add up."""

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from workflow_lib.spaces.cell_costs import CellCosts
from workflow_lib.spaces.darts.darts_cell import CHOSEN, EDGES, INPUTS, KINDS, NODES, OPERATIONS, CellNetwork
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton

Numbers = NDArray[np.float64]
_SOME = range(1, len(OPERATIONS))  # all but none
_STEPS = 200  # between two networks that are taken
_TRIES = 5  # per network that is wanted


def derive(
    probabilities: Numbers, costs: CellCosts, skeleton: Skeleton, budget: float = np.inf, least: float = -np.inf
) -> CellNetwork | None:
    """Find the most probable cells within a budget: two edges per node, an operation each.

    Args:
        probabilities: (edges, operations), softmax of alpha, normal cell first; cells' is the product over their edges.
        costs: of networks.
        skeleton: of the network.
        budget: in the unit of the costs, everything included.
        least: what the network costs at least, if there is one.

    Returns:
        The network; None if none is within the budget.
    """
    limit = budget
    while chosen := _most_probable(probabilities, costs, least, limit) or _most_probable(
        probabilities, costs, -np.inf, limit
    ):
        network = CellNetwork.of(chosen, skeleton)
        if (excess := costs.total(network) - budget) <= 0:
            return network
        limit -= 2 * excess  # what the solver takes for rounding
    return None


def _most_probable(probabilities: Numbers, costs: CellCosts, least: float, most: float) -> list[tuple[int, int]]:
    """Numbers of edges and operations; nothing if no network costs as much and no more."""
    edges, names = probabilities.shape
    of_edges = np.kron(np.eye(edges), np.ones(names))
    of_nodes = np.array([of_edges[node].sum(0) for node in _nodes()])
    prices = np.array(costs.prices).ravel()
    scale = prices.max() or 1.0
    solved = milp(
        -np.log(np.maximum(probabilities, np.finfo(np.float64).tiny)).ravel(),
        integrality=np.ones(edges * names),
        bounds=Bounds(0, np.tile([0.0] + [1.0] * (names - 1), edges)),
        constraints=[
            LinearConstraint(of_edges, 0, 1),
            LinearConstraint(of_nodes, CHOSEN, CHOSEN),
            LinearConstraint(prices[None] / scale, (least - costs.fixed) / scale, (most - costs.fixed) / scale),
        ],
    )
    if solved.x is None:
        return []
    return [(int(edge), int(name)) for edge, name in np.argwhere(solved.x.reshape(edges, names) > 0.5)]


def draw(
    costs: CellCosts, skeleton: Skeleton, budget: float, count: int, generator: np.random.Generator
) -> list[CellNetwork]:
    """Draw different networks within a budget, all alike likely; fewer where there are hardly more.

    A walk that draws the edges of one node anew, and stays where the budget would not be kept: networks that are alike
    likely to come from each other are alike likely to be met.

    Args:
        costs: of networks.
        skeleton: of the networks.
        budget: in the unit of the costs, everything included.
        count: how many.
        generator: of the draws.
    """
    prices, nodes = np.array(costs.prices), _nodes()
    ways = [_ways(node) for node in nodes]
    totals = [np.array([sum(prices[edge, name] for edge, name in way) for way in own]) for own in ways]
    at = [int(own.argmin()) for own in totals]
    total = costs.fixed + sum(own[place] for own, place in zip(totals, at, strict=True))
    found: dict[CellNetwork, None] = {}
    for step in range(_STEPS * _TRIES * count if total <= budget else 0):
        node = int(generator.integers(len(nodes)))
        place = int(generator.integers(len(ways[node])))
        changed = total + totals[node][place] - totals[node][at[node]]
        if changed <= budget:
            total, at[node] = changed, place
        if step % _STEPS == _STEPS - 1:
            found[
                CellNetwork.of([one for own, place in zip(ways, at, strict=True) for one in own[place]], skeleton)
            ] = None
        if len(found) == count:
            break
    return list(found)


def _nodes() -> list[list[int]]:
    """Numbers of the edges that lead to each node of both cells."""
    return [
        [kind * len(EDGES) + number for number, (_, own) in enumerate(EDGES) if own == head]
        for kind in range(len(KINDS))
        for head in range(INPUTS, INPUTS + NODES)
    ]


def _ways(node: Sequence[int]) -> list[tuple[tuple[int, int], ...]]:
    """All ways to choose two of a node's edges, and their operations."""
    return [
        ((one, first), (other, second))
        for one, other in combinations(node, CHOSEN)
        for first, second in product(_SOME, repeat=CHOSEN)
    ]
