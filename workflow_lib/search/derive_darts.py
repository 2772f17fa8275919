"""The most probable DARTS cells within a budget: exactly, node by node, because costs and logarithms add up."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from workflow_lib.core.spaces.cell_costs import CellCosts
from workflow_lib.core.spaces.darts import CHOSEN, EDGES, INPUTS, KINDS, NODES, OPERATIONS, CellNetwork
from workflow_lib.core.spaces.nasbench201 import Skeleton

Numbers = NDArray[np.float64]
_SOME = range(1, len(OPERATIONS))  # all but none
_STEPS = 200  # between two networks that are taken
_TRIES = 5  # per network that is wanted


@dataclass(frozen=True)
class _Choices:
    """Ways to choose the edges of one node, none of them worse in both than another.

    Attributes:
        costs: (n,) ascending.
        scores: (n,) ascending logarithms of probabilities.
        chosen: their edges and operations.
    """

    costs: Numbers
    scores: Numbers
    chosen: Sequence[tuple[tuple[int, int], ...]]


def derive(probabilities: Numbers, costs: CellCosts, skeleton: Skeleton, budget: float = np.inf) -> CellNetwork | None:
    """Find the most probable cells within a budget: two edges per node, an operation each.

    Nodes are added one after the other; of what they cost and how probable they are together, only what is not worse
    in both is kept, so that nothing is missed.

    Args:
        probabilities: (edges, operations), softmax of alpha, normal cell first; cells' is the product over their edges.
        costs: of networks.
        skeleton: of the network.
        budget: in the unit of the costs, everything included.

    Returns:
        The network; None if none is within the budget.
    """
    log = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    total, score = np.array([costs.fixed]), np.zeros(1)
    steps: list[tuple[_Choices, NDArray[np.int64]]] = []
    for node in _nodes():
        choices = _choices(node, log, np.array(costs.prices))
        together = (total[:, None] + choices.costs).ravel(), (score[:, None] + choices.scores).ravel()
        kept = _not_worse(*together)
        kept = kept[together[0][kept] <= budget]
        total, score = (values[kept] for values in together)
        steps.append((choices, kept))
    if not len(total):
        return None
    chosen, place = list[tuple[int, int]](), len(total) - 1
    for choices, kept in reversed(steps):
        place, choice = divmod(int(kept[place]), len(choices.costs))
        chosen += choices.chosen[choice]
    return CellNetwork.of(chosen, skeleton)


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


def _choices(node: Sequence[int], log: Numbers, prices: Numbers) -> _Choices:
    ways = _ways(node)
    total, score = (np.array([sum(table[edge, name] for edge, name in way) for way in ways]) for table in (prices, log))
    kept = _not_worse(total, score)
    return _Choices(total[kept], score[kept], [ways[place] for place in kept.tolist()])


def _not_worse(costs: Numbers, scores: Numbers) -> NDArray[np.int64]:
    """Places, by ascending cost, of what no other beats in both; of those that are alike the first."""
    order = np.lexsort((-scores, costs))
    best = np.maximum.accumulate(scores[order])
    kept: NDArray[np.int64] = order[np.diff(best, prepend=-np.inf) > 1e-12]
    return kept
