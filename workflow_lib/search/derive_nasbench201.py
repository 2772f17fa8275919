"""The most probable cell of NAS-Bench-201 within a budget: exactly, for there are 15,625."""

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
    """Find the most probable cell within a budget, among all that connect input and output.

    Operations that lead nowhere cost nothing, and are none in the cell that is derived.

    Args:
        probabilities: (edges, operations), softmax of alpha; a cell's is the product over its edges.
        costs: of networks.
        skeleton: of the network.
        budget: in the unit of the costs, everything included.
        least: what the network costs at least, if there is one.

    Returns:
        The network; of equally probable ones the cheapest, None if none is within the budget.
    """
    cells, totals = _totals(costs)
    log = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    scores = sum(log[edge, cells[:, edge]] for edge in range(len(EDGES)))
    order = np.lexsort((totals, -np.round(scores, 12)))
    within = order[totals[order] <= budget]
    enough = within[totals[within] >= least]
    best = [*enough[:1], *within[:1]]
    return CellNetwork(_alive(best[0]), skeleton) if best else None


def draw(
    costs: CellCosts, skeleton: Skeleton, budget: float, count: int, generator: np.random.Generator
) -> list[CellNetwork]:
    """Draw different networks within a budget, all alike likely; fewer where there are no more.

    Args:
        costs: of networks.
        skeleton: of the networks.
        budget: in the unit of the costs, everything included.
        count: how many.
        generator: of the draws.
    """
    cells, totals = _totals(costs)
    _, live = connected_cells()
    whole = (live | (cells == _NONE)).all(1)
    rows = generator.permutation(np.flatnonzero(whole & (totals <= budget)))[:count]
    return [CellNetwork(_alive(row), skeleton) for row in rows]


def _totals(costs: CellCosts) -> tuple[NDArray[np.int64], Numbers]:
    """All cells, and what their networks cost."""
    cells, live = connected_cells()
    prices = np.array(costs.prices)
    edges = sum(prices[edge, np.where(live[:, edge], cells[:, edge], _NONE)] for edge in range(len(EDGES)))
    empty = sum((~live[:, node].any(1)).astype(int) for node in costs.nodes)
    return cells, costs.fixed + edges + costs.sums * empty


@cache
def connected_cells() -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """All cells whose output depends on their input.

    Returns:
        (cells, edges) numbers of operations; and whether each lies on a way from input to output.
    """
    pairs = [(cell, alive) for names in product(_NAMES, repeat=len(EDGES)) if (alive := (cell := Cell(names)).alive)]
    cells = [[_NAMES.index(name) for name in cell.operations] for cell, _ in pairs]
    live = [[name != "none" for name in alive.operations] for _, alive in pairs]
    return np.array(cells, dtype=np.int64), np.array(live)


def _alive(row: int) -> Cell:
    """One of the connected cells, without what leads nowhere."""
    cells, live = connected_cells()
    return Cell(tuple(_NAMES[number] for number in np.where(live[row], cells[row], _NONE)))
