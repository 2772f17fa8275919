"""Derivation of networks within a budget from alpha, and of the bound of a search from a budget.

Source: Dutta, Kanvar and Agarwal, Search-time Efficient Device Constraints-Aware NAS, sections 3.2 and 4.1. The penalty
is soft and does not guarantee a network within the bound; therefore the most probable network within the budget is
derived. The operation none may be excluded, as in Liu, Simonyan and Yang 2019 (DARTS), section 2.4: the layers that
follow are normalised, so alpha hardly learns how probable none should be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError
from workflow_lib.core.seeds import derive_seed
from workflow_lib.search import derive_darts, derive_nasbench201
from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.search.cell_tables import CELL_COSTS
from workflow_lib.spaces.cell_costs import CellCosts, Cells
from workflow_lib.spaces.cell_spaces import CELL_SPACES, CellSpace
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton

Numbers = NDArray[np.float64]


class Derivation(Protocol):
    """The interface of the modules `derive_nasbench201` and `derive_darts`."""

    def derive(
        self,
        probabilities: Numbers,
        costs: CellCosts,
        skeleton: Skeleton,
        budget: float = np.inf,
        least: float = -np.inf,
    ) -> Cells | None:
        """Find the most probable network within a budget.

        Args:
            probabilities: (edges, operations) softmax of alpha.
            costs: costs of operations and networks.
            skeleton: skeleton of the network.
            budget: maximum cost of the whole network, in the unit of `costs`.
            least: minimum cost of the network, if such a network exists.
        """

    def draw(
        self,
        costs: CellCosts,
        skeleton: Skeleton,
        budget: float,
        least: float,
        count: int,
        generator: np.random.Generator,
    ) -> Sequence[Cells]:
        """Draw distinct networks within a budget, uniformly at random.

        Args:
            costs: costs of operations and networks.
            skeleton: skeleton of the networks.
            budget: maximum cost of a whole network, in the unit of `costs`.
            least: minimum cost of the networks, if such networks exist, as in `derive`.
            count: number of networks.
            generator: random number generator.
        """


DERIVATIONS: Mapping[str, Derivation] = {"nasbench201": derive_nasbench201, "darts": derive_darts}
"""Name of the cell space -> derivation."""


@dataclass(frozen=True)
class LookupGraph:
    """A calibration curve from the bound of a search to the size of the derived network.

    Args:
        bounds: bounds of the searches, ascending.
        sizes: costs of the networks derived from them without a budget, in the same unit.

    >>> LookupGraph([10.0, 20.0, 30.0], [12.0, 22.0, 42.0]).bound(32.0)
    25.0

    Source: the look-up graph of Dutta, Kanvar and Agarwal, section 4.1.
    """

    bounds: Sequence[float]
    sizes: Sequence[float]

    @property
    def falls(self) -> list[float]:
        """The bounds whose network is smaller than that of a lower bound."""
        highest = np.maximum.accumulate(self.sizes)
        return [bound for bound, size, top in zip(self.bounds, self.sizes, highest, strict=True) if size < top]

    def bound(self, budget: float) -> float:
        """Return the bound whose network is expected to just meet a budget, by linear interpolation.

        Where the sizes fall, the largest size so far is used, so that the curve is monotone. A budget above all sizes
        does not constrain the search: its bound is the lowest one that yields the largest size.

        Raises:
            UserError: if the budget is below all sizes.
        """
        sizes, first = np.unique(np.maximum.accumulate(self.sizes), return_index=True)
        if budget < sizes[0]:
            raise UserError(
                f"a budget of {format_cost(budget)} is below the sizes that the searches found, "
                f"{format_cost(sizes[0])} to {format_cost(sizes[-1])}",
                "the look-up graph",
                "raise the budget, or change cell_search.bounds",
            )
        return float(np.interp(budget, sizes, np.asarray(self.bounds, dtype=np.float64)[first]))

    @classmethod
    def of(cls, table: pd.DataFrame) -> "LookupGraph":
        """Make the graph from rows of LOOKUP_GRAPH of one channel set and quantity."""
        ordered = table.sort_values("bound")
        return cls(ordered["bound"].tolist(), ordered["size"].tolist())


def format_cost(value: float) -> str:
    """Format a cost for messages, whether parameters or milliseconds.

    >>> format_cost(1234567.8), format_cost(12.3456)
    ('1,234,568', '12.35')
    """
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def spread_bounds(costs: CellCosts, count: int) -> list[float]:
    """Return equally spaced bounds from the smallest to the largest expected cost."""
    prices = np.array(costs.prices)
    cheapest, dearest = prices.argmin(1), prices.argmax(1)
    # A node without edges saves no sum.
    empty = sum(not cheapest[list(node)].any() for node in costs.nodes)
    edges = np.arange(len(prices))
    ends = costs.fixed + prices[edges, cheapest].sum() + costs.sums * empty, costs.fixed + prices[edges, dearest].sum()
    return [float(bound) for bound in np.linspace(*ends, count)]


def cost_rows(space: CellSpace, costs: CellCosts) -> pd.DataFrame:
    """Tabulate costs: columns part, operation, cost; `fixed` and `sums` have no operation, other parts are edges."""
    rows: list[tuple[str, str | None, float]] = [("fixed", None, costs.fixed), ("sums", None, costs.sums)]
    for edge, prices in zip(space.edges, costs.prices, strict=True):
        rows += [(edge, name, price) for name, price in zip(space.operations, prices, strict=True)]
    return pd.DataFrame(rows, columns=["part", "operation", "cost"])


def read_costs(space: CellSpace, paths: Sequence[Path]) -> dict[str, CellCosts]:
    """Read the costs of each quantity from tables CELL_COSTS of one channel set."""
    return costs_of(space, CELL_COSTS.read_all(paths))


def costs_of(space: CellSpace, prices: pd.DataFrame) -> dict[str, CellCosts]:
    """Return the costs of each quantity.

    Args:
        space: the cell space.
        prices: rows of CELL_COSTS of one channel set.
    """
    costs = {}
    for quantity, table in prices.fillna({"operation": ""}).groupby("quantity"):
        known = table.set_index(["part", "operation"])["cost"].to_dict()
        rows = tuple(tuple(known[edge, name] for name in space.operations) for edge in space.edges)
        costs[str(quantity)] = CellCosts(known["fixed", ""], rows, known["sums", ""], space.nodes)
    return costs


def alpha_rows(space: CellSpace, probabilities: Numbers) -> pd.DataFrame:
    """Return a table of probabilities, with the columns edge, operation and probability.

    Args:
        space: the cell space.
        probabilities: (edges, operations) softmax of alpha.
    """
    rows = [
        (edge, operation, probability)
        for edge, edge_row in zip(space.edges, probabilities.tolist(), strict=True)
        for operation, probability in zip(space.operations, edge_row, strict=True)
    ]
    return pd.DataFrame(rows, columns=["edge", "operation", "probability"])


def last_probabilities(space: CellSpace, alpha: pd.DataFrame) -> Numbers:
    """Return the (edges, operations) probabilities after the last epoch.

    Args:
        space: the cell space.
        alpha: rows of CELL_ALPHA of one search.
    """
    last = alpha[alpha["epoch"] == alpha["epoch"].max()].pivot(index="edge", columns="operation", values="probability")
    ordered: Numbers = last.loc[list(space.edges), list(space.operations)].to_numpy(np.float64)
    return ordered


def build_lookup_graph(
    alpha: pd.DataFrame, costs: CellCosts, trained: CellCosts, settings: CellSearchConfig
) -> pd.DataFrame:
    """Derive a network from the search of each bound, regardless of its cost.

    Args:
        alpha: rows of CELL_ALPHA of all searches of one channel set and quantity, numbered by bound.
        costs: costs of the networks as searched, to which the bounds refer.
        trained: costs of the networks as trained.
        settings: number of bounds, space and skeleton.

    Returns:
        Rows of LOOKUP_GRAPH.
    """
    space, bounds = CELL_SPACES[settings.space], spread_bounds(costs, settings.bounds)
    sizes = {
        number: trained.total(_derive(last_probabilities(space, search_alpha), trained, settings))
        for number, search_alpha in alpha.groupby("number")
    }
    graph = LookupGraph(bounds, [sizes[number] for number in range(settings.bounds)])
    table = pd.DataFrame({"bound": graph.bounds, "size": graph.sizes})
    first = alpha.iloc[0]
    falls = table["bound"].isin(graph.falls)
    return table.assign(channels=first["channels"], quantity=first["quantity"], falls=falls)


def derive_networks(
    searches: pd.DataFrame, alpha: pd.DataFrame, costs: Mapping[str, CellCosts], settings: CellSearchConfig
) -> pd.DataFrame:
    """Derive a network within the budget from each search at a budget.

    Args:
        searches: rows of CELL_SEARCH of one channel set.
        alpha: rows of CELL_ALPHA of the same searches.
        costs: quantity -> costs of the networks as trained.
        settings: space, budgets and skeleton.

    Returns:
        Rows of DERIVED, of origin search.

    Raises:
        UserError: if no network is within a budget.
    """
    keys, space = ["channels", "quantity", "number", "repeat"], CELL_SPACES[settings.space]
    last = {key: last_probabilities(space, search_alpha) for key, search_alpha in alpha.groupby(keys)}
    rows = []
    summaries = searches.groupby(keys).agg(bound=("bound", "first"), epochs=("epoch", "max")).reset_index()
    for *key, bound, epochs in summaries.itertuples(index=False):
        channels, quantity, number, repeat = key
        prices, budget = costs[quantity], settings.budgets[quantity][number]
        network = _derive(last[tuple(key)], prices, settings, budget)
        plain = _derive(last[tuple(key)], prices, settings)
        rows.append(
            {
                "channels": channels, "quantity": quantity, "budget": budget, "origin": "search", "repeat": repeat,
                "bound": bound, "epochs": epochs, **_network_columns(network, prices),
                "plain_architecture": str(plain), "plain_cost": prices.total(plain),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _derive(probabilities: Numbers, costs: CellCosts, settings: CellSearchConfig, budget: float = np.inf) -> Cells:
    """Return the most probable network within a budget."""
    if not settings.allow_none:
        probabilities = probabilities * (np.arange(probabilities.shape[1]) > 0)
    derive, skeleton = DERIVATIONS[settings.space].derive, settings.skeletons["trained"]
    network = derive(probabilities, costs, skeleton, budget, settings.min_cost(budget))
    if network is None:
        smallest = format_cost(spread_bounds(costs, 2)[0])
        raise UserError(
            f"no network is within {format_cost(budget)}: the smallest expected cost is {smallest}",
            "cell_search.budgets",
            "raise the budget, or lower the width or the cells of the networks",
        )
    return network


def draw_networks(channels: str, costs: Mapping[str, CellCosts], settings: CellSearchConfig, seed: int) -> pd.DataFrame:
    """Draw random networks within each budget, by the same bounds as derived ones, as a baseline for the searches.

    Args:
        channels: name of the channel set.
        costs: quantity -> costs of the networks as trained.
        settings: space, budgets, skeleton, and number of networks.
        seed: seed of the run.

    Returns:
        Rows of DERIVED, of origin random.
    """
    rows, draw, skeleton = [], DERIVATIONS[settings.space].draw, settings.skeletons["trained"]
    for quantity, budgets in settings.budgets.items():
        for budget in budgets:
            bounds = budget, settings.min_cost(budget)
            generator = np.random.default_rng(derive_seed(seed, "draw_networks", channels, quantity, budget))
            networks = draw(costs[quantity], skeleton, *bounds, settings.random_networks, generator)
            rows += [
                {
                    "channels": channels, "quantity": quantity, "budget": budget, "origin": "random",
                    "repeat": repeat, **_network_columns(network, costs[quantity]),
                }
                for repeat, network in enumerate(networks)
            ]  # fmt: skip
    return pd.DataFrame(rows)


def _network_columns(network: Cells, costs: CellCosts) -> dict[str, Any]:
    return {
        "architecture": str(network), "cost": costs.total(network), "edges": len(network.operations),
        "skips": list(network.operations).count("skip"),
    }  # fmt: skip
