"""Exact derivation of the most probable NAS-Bench-201 cell within a budget, by enumeration of all 15,625 cells."""

from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from workflow_lib.spaces.cell_costs import CellCosts
from workflow_lib.spaces.nasbench201.nasbench201_cell import EDGES, OPERATIONS, Cell, CellNetwork, Skeleton

Numbers = NDArray[np.float64]
_NAMES = list(OPERATIONS)
_NONE = _NAMES.index("none")


def derive(
    probabilities: Numbers, costs: CellCosts, skeleton: Skeleton, budget: float = np.inf, least: float = -np.inf
) -> CellNetwork | None:
    """Find the most probable cell within a budget, among all cells that connect input and output.

    Dead operations, which do not affect the output, cost nothing and become none in the derived cell.

    Args:
        probabilities: (edges, operations) softmax of alpha; the probability of a cell is the product over its edges.
        costs: costs of operations and networks.
        skeleton: skeleton of the network.
        budget: maximum cost of the whole network, in the unit of `costs`.
        least: minimum cost of the network, if such a network exists.

    Returns:
        The network, the cheapest of equally probable ones; None if no network is within the budget.
    """
    cells, totals = _totals(costs)
    log = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    scores = sum(log[edge, cells[:, edge]] for edge in range(len(EDGES)))
    order = np.lexsort((totals, -np.round(scores, 12)))
    within = order[totals[order] <= budget]
    enough = within[totals[within] >= least]
    best = [*enough[:1], *within[:1]]
    return CellNetwork(_without_dead_operations(best[0]), skeleton) if best else None


def draw(
    costs: CellCosts, skeleton: Skeleton, budget: float, least: float, count: int, generator: np.random.Generator
) -> list[CellNetwork]:
    """Draw distinct networks within a budget, uniformly at random; fewer if no more exist.

    Args:
        costs: costs of operations and networks.
        skeleton: skeleton of the networks.
        budget: maximum cost of a whole network, in the unit of `costs`.
        least: minimum cost of the networks, if such networks exist, as in `derive`.
        count: number of networks.
        generator: random number generator.
    """
    cells, totals = _totals(costs)
    _, live = connected_cells()
    no_dead = (live | (cells == _NONE)).all(1)
    within = no_dead & (totals <= budget)
    enough = within & (totals >= least)
    rows = generator.permutation(np.flatnonzero(enough if enough.any() else within))[:count]
    return [CellNetwork(_without_dead_operations(row), skeleton) for row in rows]


def _totals(costs: CellCosts) -> tuple[NDArray[np.int64], Numbers]:
    """Return all connected cells, and the costs of their networks."""
    cells, live = connected_cells()
    prices = np.array(costs.prices)
    edges = sum(prices[edge, np.where(live[:, edge], cells[:, edge], _NONE)] for edge in range(len(EDGES)))
    empty = sum((~live[:, node].any(1)).astype(int) for node in costs.nodes)
    return cells, costs.fixed + edges + costs.sums * empty


@cache
def connected_cells() -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return all cells whose output depends on their input.

    Returns:
        (cells, edges) numbers of operations, and a mask of those on a path from input to output.
    """
    pairs = [
        (cell, alive)
        for names in product(_NAMES, repeat=len(EDGES))
        if (alive := (cell := Cell(names)).without_dead_operations)
    ]
    cells = [[_NAMES.index(name) for name in cell.operations] for cell, _ in pairs]
    live = [[name != "none" for name in alive.operations] for _, alive in pairs]
    return np.array(cells, dtype=np.int64), np.array(live)


def _without_dead_operations(row: int) -> Cell:
    """Return a connected cell, with its dead operations replaced by none."""
    cells, live = connected_cells()
    return Cell(tuple(_NAMES[number] for number in np.where(live[row], cells[row], _NONE)))
