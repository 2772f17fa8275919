"""Exact derivation of the most probable DARTS cells within a budget, by an integer program.

A program is possible because both the costs and the logarithms of the probabilities are sums over the edges.
"""

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from workflow_lib.spaces.cell_costs import CellCosts
from workflow_lib.spaces.darts.darts_cell import CHOSEN, EDGES, INPUTS, KINDS, NODES, OPERATIONS, CellNetwork
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton

Numbers = NDArray[np.float64]
_NOT_NONE = range(1, len(OPERATIONS))  # all operations but none
_STEPS = 200  # steps of the random walk between two samples
_TRIES = 5  # samples per requested network


def derive(
    probabilities: Numbers, costs: CellCosts, skeleton: Skeleton, budget: float = np.inf, least: float = -np.inf
) -> CellNetwork | None:
    """Find the most probable cells within a budget: two edges per node, with one operation each.

    Args:
        probabilities: (edges, operations) softmax of alpha, normal cell first; the probability of a network is the
            product over its edges.
        costs: costs of operations and networks.
        skeleton: skeleton of the network.
        budget: maximum cost of the whole network, in the unit of `costs`.
        least: minimum cost of the network, if such a network exists.

    Returns:
        The network; None if no network is within the budget.
    """
    limit = budget
    while chosen := _most_probable(probabilities, costs, least, limit) or _most_probable(
        probabilities, costs, -np.inf, limit
    ):
        network = CellNetwork.of(chosen, skeleton)
        if (excess := costs.total(network) - budget) <= 0:
            return network
        limit -= 2 * excess  # the solver tolerates a small violation of constraints
    return None


def _most_probable(probabilities: Numbers, costs: CellCosts, least: float, most: float) -> list[tuple[int, int]]:
    """Return the chosen (edge, operation) numbers; empty if no network costs at least `least` and at most `most`."""
    edges, names = probabilities.shape
    edge_sums = np.kron(np.eye(edges), np.ones(names))
    node_sums = np.array([edge_sums[node].sum(0) for node in _nodes()])
    prices = np.array(costs.prices).ravel()
    scale = prices.max() or 1.0
    solved = milp(
        -np.log(np.maximum(probabilities, np.finfo(np.float64).tiny)).ravel(),
        integrality=np.ones(edges * names),
        bounds=Bounds(0, np.tile([0.0] + [1.0] * (names - 1), edges)),
        constraints=[
            LinearConstraint(edge_sums, 0, 1),
            LinearConstraint(node_sums, CHOSEN, CHOSEN),
            LinearConstraint(prices[None] / scale, (least - costs.fixed) / scale, (most - costs.fixed) / scale),
        ],
    )
    if solved.x is None:
        return []
    return [(int(edge), int(name)) for edge, name in np.argwhere(solved.x.reshape(edges, names) > 0.5)]


def draw(
    costs: CellCosts, skeleton: Skeleton, budget: float, least: float, count: int, generator: np.random.Generator
) -> list[CellNetwork]:
    """Draw distinct networks within a budget, uniformly at random; fewer if hardly more exist.

    A random walk redraws the edges of one node per step and stays where it is if the new network exceeds the budget.
    Its transitions are symmetric, so its stationary distribution is uniform. Of its networks, those that cost at least
    `least` are kept.

    Args:
        costs: costs of operations and networks.
        skeleton: skeleton of the networks.
        budget: maximum cost of a whole network, in the unit of `costs`.
        least: minimum cost of the networks, if the walk finds such networks, as in `derive`.
        count: number of networks.
        generator: random number generator.
    """
    prices, nodes = np.array(costs.prices), _nodes()
    ways = [_ways(node) for node in nodes]
    totals = [np.array([sum(prices[edge, name] for edge, name in way) for way in node_ways]) for node_ways in ways]
    current = [int(node_totals.argmin()) for node_totals in totals]
    total = costs.fixed + sum(node_totals[way] for node_totals, way in zip(totals, current, strict=True))
    found: dict[bool, dict[CellNetwork, None]] = {True: {}, False: {}}  # by whether they cost at least `least`
    for step in range(_STEPS * _TRIES * count if total <= budget else 0):
        node = int(generator.integers(len(nodes)))
        way = int(generator.integers(len(ways[node])))
        changed = total + totals[node][way] - totals[node][current[node]]
        if changed <= budget:
            total, current[node] = changed, way
        if step % _STEPS == _STEPS - 1:
            chosen = [pair for node_ways, index in zip(ways, current, strict=True) for pair in node_ways[index]]
            found[total >= least][CellNetwork.of(chosen, skeleton)] = None
        if len(found[True]) == count:
            break
    return list(found[True] or found[False])[:count]


def _nodes() -> list[list[int]]:
    """Return the numbers of the edges that lead to each node of both cells."""
    return [
        [kind * len(EDGES) + number for number, (_, target) in enumerate(EDGES) if target == head]
        for kind in range(len(KINDS))
        for head in range(INPUTS, INPUTS + NODES)
    ]


def _ways(node: Sequence[int]) -> list[tuple[tuple[int, int], ...]]:
    """Return all ways to choose two edges of a node and their operations."""
    return [
        ((first_edge, first), (second_edge, second))
        for first_edge, second_edge in combinations(node, CHOSEN)
        for first, second in product(_NOT_NONE, repeat=CHOSEN)
    ]
