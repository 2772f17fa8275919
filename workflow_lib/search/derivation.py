"""From architecture parameters to a network within a budget, and from a device's budget to the bound of a search.

Source: Dutta, Kanvar and Agarwal, Search-time Efficient Device Constraints-Aware NAS, sections 3.2 and 4.1. A
multiplier is soft: it promises no network within the bound, so that here the best one within the budget is derived.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.config import CellSearchConfig
from workflow_lib.core.errors import UserError
from workflow_lib.core.spaces.cell_costs import CellCosts, count_costs
from workflow_lib.core.spaces.nasbench201 import EDGES, OPERATIONS, Cell, CellNetwork

Numbers = NDArray[np.float64]
_NAMES = list(OPERATIONS)
_NONE = _NAMES.index("none")


class CellCostArguments(Arguments):
    """What stages are told of the networks whose costs they count."""

    cell_search: CellSearchConfig
    inputs: int = Field(ge=1, description="number of input channels")
    classes: int = Field(ge=2, description="number of classes")
    chip_size_px: int = Field(ge=1, description="height and width of a chip (pixels)")

    @property
    def costs(self) -> CellCosts:
        """Of networks of the search's skeleton."""
        settings = self.cell_search
        return count_costs(settings.cost, settings.skeleton, self.inputs, self.classes, self.chip_size_px)


@dataclass(frozen=True)
class Derived:
    """What is derived from one search.

    Attributes:
        cell: the best within the budget.
        cost: of its network.
        plain: the cell of the best operation on each edge, whatever it costs.
        plain_cost: of its network.
    """

    cell: Cell
    cost: float
    plain: Cell
    plain_cost: float


def derive(probabilities: Numbers, costs: CellCosts, budget: float | None = None) -> Derived:
    """Find the most probable cell within a budget: exactly, among all that connect input and output.

    Operations that lead nowhere cost nothing, and are none in the cell that is derived.

    Args:
        probabilities: (edges, operations), softmax of alpha; a cell's is the product over its edges.
        costs: of networks.
        budget: in the unit of the costs, everything included; None: any.

    Raises:
        UserError: if no network is within the budget.
    """
    cells, live = connected_cells()
    log = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    scores = sum(log[edge, cells[:, edge]] for edge in range(len(EDGES)))
    prices = np.array([costs.operations[name] for name in _NAMES])
    totals = costs.fixed + (prices[cells] * live).sum(1)
    within = np.ones(len(cells), dtype=bool) if budget is None else totals <= budget
    if not within.any():
        raise UserError(
            f"no network is within {budget:,.0f}: the smallest has {totals.min():,.0f}", "the budget",
            "raise it, or lower the skeleton's width or cells",
        )  # fmt: skip
    # Of equally probable ones the cheapest.
    order = np.lexsort((totals, -np.round(scores, 12)))
    best, plain = order[within[order]][0], order[0]
    whole = np.where(live, cells, _NONE)
    return Derived(_cell(whole[best]), float(totals[best]), _cell(whole[plain]), float(totals[plain]))


@cache
def connected_cells() -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """All cells whose output depends on their input.

    Returns:
        (cells, edges) numbers of operations; and whether each lies on a way from input to output.
    """
    cells = np.indices((len(_NAMES),) * len(EDGES)).reshape(len(EDGES), -1).T
    there = {edge: cells[:, place] != _NONE for place, edge in enumerate(EDGES)}
    first, last = 0, max(head for _, head in EDGES)
    reached = {first: np.ones(len(cells), dtype=bool)}  # from the input
    for node in range(first + 1, last + 1):
        reached[node] = np.logical_or.reduce([reached[tail] & there[tail, node] for tail in range(node)])
    leads = {last: np.ones(len(cells), dtype=bool)}  # to the output
    for node in reversed(range(first, last)):
        leads[node] = np.logical_or.reduce([leads[head] & there[node, head] for head in range(node + 1, last + 1)])
    live = np.column_stack([reached[tail] & there[tail, head] & leads[head] for tail, head in EDGES])
    connected = reached[last]
    return np.asarray(cells[connected], dtype=np.int64), live[connected]


def _cell(numbers: NDArray[np.int64]) -> Cell:
    return Cell(tuple(_NAMES[number] for number in numbers))


@dataclass(frozen=True)
class LookupGraph:
    """What networks come of which bounds.

    Args:
        bounds: of searches, ascending.
        sizes: of the networks derived from them without a budget, in the same unit.
    """

    bounds: Sequence[float]
    sizes: Sequence[float]

    @property
    def falls(self) -> list[float]:
        """Bounds whose network is smaller than that of a lower bound."""
        highest = np.maximum.accumulate(self.sizes)
        return [bound for bound, size, most in zip(self.bounds, self.sizes, highest, strict=True) if size < most]

    def bound(self, budget: float) -> float:
        """The bound at which the network is expected to just keep a budget: linear between searches.

        Where the sizes fall, the largest so far counts, so that the graph is monotone.

        Raises:
            UserError: if the budget is outside the sizes.
        """
        sizes, first = np.unique(np.maximum.accumulate(self.sizes), return_index=True)
        if not sizes[0] <= budget <= sizes[-1]:
            raise UserError(
                f"a budget of {budget:,.0f} is outside what the searches found: {sizes[0]:,.0f} to {sizes[-1]:,.0f}",
                "the look-up graph",
                "change the budget, or search with other bounds",
            )
        return float(np.interp(budget, sizes, np.asarray(self.bounds, dtype=np.float64)[first]))

    @classmethod
    def of(cls, table: pd.DataFrame) -> "LookupGraph":
        """From rows of LOOKUP_GRAPH, of one channel set."""
        ordered = table.sort_values("bound")
        return cls(ordered["bound"].tolist(), ordered["size"].tolist())


def spread_bounds(costs: CellCosts, count: int) -> list[float]:
    """Bounds from the smallest to the largest network, equally far apart."""
    prices = list(costs.operations.values())
    ends = costs.fixed + min(prices), costs.fixed + len(EDGES) * max(prices)
    return [float(bound) for bound in np.linspace(*ends, count)]


def alpha_rows(probabilities: Numbers) -> pd.DataFrame:
    """Columns edge, operation, probability."""
    rows = [
        (f"{tail}-{head}", operation, probability)
        for (tail, head), of_edge in zip(EDGES, probabilities.tolist(), strict=True)
        for operation, probability in zip(OPERATIONS, of_edge, strict=True)
    ]
    return pd.DataFrame(rows, columns=["edge", "operation", "probability"])


def last_probabilities(alpha: pd.DataFrame) -> Numbers:
    """(edges, operations) after the last epoch.

    Args:
        alpha: rows of CELL_ALPHA of one search.
    """
    last = alpha[alpha["epoch"] == alpha["epoch"].max()].pivot(index="edge", columns="operation", values="probability")
    ordered: Numbers = last.loc[[f"{tail}-{head}" for tail, head in EDGES], _NAMES].to_numpy(np.float64)
    return ordered


def build_lookup_graph(alpha: pd.DataFrame, costs: CellCosts, count: int) -> pd.DataFrame:
    """Derive a network from each bound's search, whatever it costs.

    Args:
        alpha: rows of CELL_ALPHA of all searches of one channel set, numbered by bound.
        costs: of networks.
        count: of bounds, see `spread_bounds`.

    Returns:
        Rows of LOOKUP_GRAPH.
    """
    bounds = spread_bounds(costs, count)
    sizes = {number: derive(last_probabilities(own), costs).plain_cost for number, own in alpha.groupby("number")}
    graph = LookupGraph(bounds, [sizes[number] for number in range(count)])
    table = pd.DataFrame({"bound": graph.bounds, "size": graph.sizes})
    return table.assign(channels=alpha["channels"].iloc[0], falls=table["bound"].isin(graph.falls))


def derive_networks(
    searches: pd.DataFrame, alpha: pd.DataFrame, costs: CellCosts, settings: CellSearchConfig
) -> pd.DataFrame:
    """Derive a network from each budget's searches, within the budget.

    Args:
        searches, alpha: rows of CELL_SEARCH and CELL_ALPHA of one channel set.
        costs: of networks.
        settings: budgets and skeleton.

    Returns:
        Rows of DERIVED.

    Raises:
        UserError: if no network is within a budget.
    """
    keys = ["channels", "number", "repeat"]
    found_bounds = searches.groupby(keys)["bound"].first().reset_index()
    rows = []
    for channels, number, repeat, bound in found_bounds.itertuples(index=False):
        budget = settings.budgets[number]
        own = alpha[(alpha["number"] == number) & (alpha["repeat"] == repeat)]
        found = derive(last_probabilities(own), costs, budget)
        rows.append(
            {
                "channels": channels, "budget": budget, "repeat": repeat, "bound": bound,
                "architecture": str(CellNetwork(found.cell, settings.skeleton)), "cost": found.cost,
                "plain_architecture": str(CellNetwork(found.plain, settings.skeleton)), "plain_cost": found.plain_cost,
                "skips": found.cell.operations.count("skip"),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
