"""From architecture parameters to a network within a budget, and from a device's budget to the bound of a search.

Source: Dutta, Kanvar and Agarwal, Search-time Efficient Device Constraints-Aware NAS, sections 3.2 and 4.1. A
multiplier is soft: it promises no network within the bound, so that here the best one within the budget is derived.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.config import CellSearchConfig
from workflow_lib.core.errors import UserError
from workflow_lib.core.seeds import derive_seed
from workflow_lib.core.spaces.cell_costs import CellCosts
from workflow_lib.core.spaces.nasbench201 import EDGES, OPERATIONS, Cell, CellNetwork
from workflow_lib.core.tables import CELL_COSTS

Numbers = NDArray[np.float64]
_NAMES = list(OPERATIONS)
_EDGE_NAMES = [f"{tail}-{head}" for tail, head in EDGES]
_NONE = _NAMES.index("none")
_SPARE = 10  # draws per cell that is wanted: some are the same without what leads nowhere


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
    cells, totals = _totals(costs)
    log = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    scores = sum(log[edge, cells[:, edge]] for edge in range(len(EDGES)))
    within = np.ones(len(cells), dtype=bool) if budget is None else totals <= budget
    if not within.any():
        raise UserError(
            f"no network is within {budget:,.0f}: the smallest has {totals.min():,.0f}", "the budget",
            "raise it, or lower the skeleton's width or cells",
        )  # fmt: skip
    # Of equally probable ones the cheapest.
    order = np.lexsort((totals, -np.round(scores, 12)))
    best, plain = order[within[order]][0], order[0]
    return Derived(_alive(best), float(totals[best]), _alive(plain), float(totals[plain]))


def _totals(costs: CellCosts) -> tuple[NDArray[np.int64], Numbers]:
    """All cells, and what their networks cost."""
    cells, live = connected_cells()
    prices = np.array(costs.prices)
    edges = sum(prices[edge, cells[:, edge]] * live[:, edge] for edge in range(len(EDGES)))
    heads = np.array([head for _, head in EDGES])
    nodes = sum(live[:, heads == head].any(1).astype(int) for head in sorted(set(heads.tolist())))
    return cells, costs.fixed + edges + costs.sums * (live.sum(1) - nodes)


def draw_within(costs: CellCosts, budget: float, count: int, generator: np.random.Generator) -> list[Cell]:
    """Draw different cells whose networks are within a budget, all alike likely; fewer where there are no more.

    Args:
        costs: of networks.
        budget: in the unit of the costs, everything included.
        count: how many.
        generator: of the draws.
    """
    _, totals = _totals(costs)
    order = generator.permutation(np.flatnonzero(totals <= budget))
    return list(dict.fromkeys(_alive(row) for row in order[: _SPARE * count]))[:count]


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


def _alive(row: int) -> Cell:
    """One of the connected cells, without what leads nowhere."""
    cells, live = connected_cells()
    return Cell(tuple(_NAMES[number] for number in np.where(live[row], cells[row], _NONE)))


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
    prices = np.array(costs.prices)
    sums = costs.sums * (len(EDGES) - len({head for _, head in EDGES}))
    ends = costs.fixed + prices.min(1).sum(), costs.fixed + prices.max(1).sum() + sums
    return [float(bound) for bound in np.linspace(*ends, count)]


def cost_rows(costs: CellCosts) -> pd.DataFrame:
    """Columns part, operation, cost: `fixed` and `sums` have no operation, other parts are edges."""
    rows: list[tuple[str, str | None, float]] = [("fixed", None, costs.fixed), ("sums", None, costs.sums)]
    for edge, prices in zip(_EDGE_NAMES, costs.prices, strict=True):
        rows += [(edge, name, price) for name, price in zip(_NAMES, prices, strict=True)]
    return pd.DataFrame(rows, columns=["part", "operation", "cost"])


def read_costs(path: Path) -> CellCosts:
    """Costs from a table CELL_COSTS of one channel set and quantity."""
    table = CELL_COSTS.read(path).fillna({"operation": ""})
    known = table.set_index(["part", "operation"])["cost"].to_dict()
    prices = tuple(tuple(known[edge, name] for name in _NAMES) for edge in _EDGE_NAMES)
    return CellCosts(known["fixed", ""], prices, known["sums", ""])


def alpha_rows(probabilities: Numbers) -> pd.DataFrame:
    """Columns edge, operation, probability."""
    rows = [
        (edge, operation, probability)
        for edge, of_edge in zip(_EDGE_NAMES, probabilities.tolist(), strict=True)
        for operation, probability in zip(OPERATIONS, of_edge, strict=True)
    ]
    return pd.DataFrame(rows, columns=["edge", "operation", "probability"])


def last_probabilities(alpha: pd.DataFrame) -> Numbers:
    """(edges, operations) after the last epoch.

    Args:
        alpha: rows of CELL_ALPHA of one search.
    """
    last = alpha[alpha["epoch"] == alpha["epoch"].max()].pivot(index="edge", columns="operation", values="probability")
    ordered: Numbers = last.loc[_EDGE_NAMES, _NAMES].to_numpy(np.float64)
    return ordered


def build_lookup_graph(alpha: pd.DataFrame, costs: CellCosts, count: int) -> pd.DataFrame:
    """Derive a network from each bound's search, whatever it costs.

    Args:
        alpha: rows of CELL_ALPHA of all searches of one channel set and quantity, numbered by bound.
        costs: of networks.
        count: of bounds, see `spread_bounds`.

    Returns:
        Rows of LOOKUP_GRAPH.
    """
    bounds = spread_bounds(costs, count)
    sizes = {number: derive(last_probabilities(own), costs).plain_cost for number, own in alpha.groupby("number")}
    graph = LookupGraph(bounds, [sizes[number] for number in range(count)])
    table = pd.DataFrame({"bound": graph.bounds, "size": graph.sizes})
    first = alpha.iloc[0]
    falls = table["bound"].isin(graph.falls)
    return table.assign(channels=first["channels"], quantity=first["quantity"], falls=falls)


def derive_networks(
    searches: pd.DataFrame, alpha: pd.DataFrame, costs: Mapping[str, CellCosts], settings: CellSearchConfig
) -> pd.DataFrame:
    """Derive a network from each budget's searches, within the budget.

    Args:
        searches, alpha: rows of CELL_SEARCH and CELL_ALPHA of one channel set.
        costs: of networks, by quantity.
        settings: budgets and skeleton.

    Returns:
        Rows of DERIVED, of origin search.

    Raises:
        UserError: if no network is within a budget.
    """
    keys = ["channels", "quantity", "number", "repeat"]
    last = {key: last_probabilities(own) for key, own in alpha.groupby(keys)}
    rows = []
    for *key, bound in searches.groupby(keys)["bound"].first().reset_index().itertuples(index=False):
        channels, quantity, number, repeat = key
        budget = settings.budgets[quantity][number]
        found = derive(last[tuple(key)], costs[quantity], budget)
        rows.append(
            {
                "channels": channels, "quantity": quantity, "budget": budget, "origin": "search", "repeat": repeat,
                "bound": bound, **_network(found.cell, found.cost, settings),
                "plain_architecture": str(CellNetwork(found.plain, settings.skeleton)), "plain_cost": found.plain_cost,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def draw_networks(channels: str, costs: Mapping[str, CellCosts], settings: CellSearchConfig, seed: int) -> pd.DataFrame:
    """Draw networks within each budget: what a search has to beat.

    Args:
        channels: name of the channel set.
        costs: of networks, by quantity.
        settings: budgets, skeleton, and how many.
        seed: of the run.

    Returns:
        Rows of DERIVED, of origin random.
    """
    rows = []
    for quantity, budgets in settings.budgets.items():
        for budget in budgets:
            generator = np.random.default_rng(derive_seed(seed, "draw_networks", channels, quantity, budget))
            cells = draw_within(costs[quantity], budget, settings.random_networks, generator)
            rows += [
                {
                    "channels": channels, "quantity": quantity, "budget": budget, "origin": "random",
                    "repeat": repeat, **_network(cell, costs[quantity].total(cell), settings),
                }
                for repeat, cell in enumerate(cells)
            ]  # fmt: skip
    return pd.DataFrame(rows)


def _network(cell: Cell, cost: float, settings: CellSearchConfig) -> dict[str, Any]:
    architecture = str(CellNetwork(cell, settings.skeleton))
    return {"architecture": architecture, "cost": cost, "skips": cell.operations.count("skip")}
