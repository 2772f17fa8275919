"""From architecture parameters to a network within a budget, and from a device's budget to the bound of a search.

Source: Dutta, Kanvar and Agarwal, Search-time Efficient Device Constraints-Aware NAS, sections 3.2 and 4.1. A
multiplier is soft: it promises no network within the bound, so that here the best one within the budget is derived.
None may be left aside, as in Liu, Simonyan and Yang 2019 (DARTS), section 2.4: what follows is normalised, so that
alpha learns little of how probable it should be.
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
    """What `derive_nasbench201` and `derive_darts` are."""

    def derive(
        self,
        probabilities: Numbers,
        costs: CellCosts,
        skeleton: Skeleton,
        budget: float = np.inf,
        least: float = -np.inf,
    ) -> Cells | None:
        """Find the most probable network within a budget."""

    def draw(
        self, costs: CellCosts, skeleton: Skeleton, budget: float, count: int, generator: np.random.Generator
    ) -> Sequence[Cells]:
        """Draw different networks within a budget."""


DERIVATIONS: Mapping[str, Derivation] = {"nasbench201": derive_nasbench201, "darts": derive_darts}
"""By space of cells."""


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

        Where the sizes fall, the largest so far counts, so that the graph is monotone. A budget above all sizes holds
        no search back: it has the lowest bound of the largest.

        Raises:
            UserError: if the budget is below the sizes.
        """
        sizes, first = np.unique(np.maximum.accumulate(self.sizes), return_index=True)
        if budget < sizes[0]:
            raise UserError(
                f"a budget of {spell(budget)} is below what the searches found: "
                f"{spell(sizes[0])} to {spell(sizes[-1])}",
                "the look-up graph",
                "raise the budget, or search with other bounds",
            )
        return float(np.interp(budget, sizes, np.asarray(self.bounds, dtype=np.float64)[first]))

    @classmethod
    def of(cls, table: pd.DataFrame) -> "LookupGraph":
        """From rows of LOOKUP_GRAPH, of one channel set."""
        ordered = table.sort_values("bound")
        return cls(ordered["bound"].tolist(), ordered["size"].tolist())


def spell(value: float) -> str:
    """A cost for people: parameters as well as milliseconds."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def spread_bounds(costs: CellCosts, count: int) -> list[float]:
    """Bounds from the smallest to the largest expected cost, equally far apart."""
    prices = np.array(costs.prices)
    least, most = prices.argmin(1), prices.argmax(1)
    # A node without edges saves no sum.
    empty = sum(not least[list(node)].any() for node in costs.nodes)
    edges = np.arange(len(prices))
    ends = costs.fixed + prices[edges, least].sum() + costs.sums * empty, costs.fixed + prices[edges, most].sum()
    return [float(bound) for bound in np.linspace(*ends, count)]


def cost_rows(space: CellSpace, costs: CellCosts) -> pd.DataFrame:
    """Columns part, operation, cost: `fixed` and `sums` have no operation, other parts are edges."""
    rows: list[tuple[str, str | None, float]] = [("fixed", None, costs.fixed), ("sums", None, costs.sums)]
    for edge, prices in zip(space.edges, costs.prices, strict=True):
        rows += [(edge, name, price) for name, price in zip(space.operations, prices, strict=True)]
    return pd.DataFrame(rows, columns=["part", "operation", "cost"])


def read_costs(space: CellSpace, paths: Sequence[Path]) -> dict[str, CellCosts]:
    """Costs by quantity, from tables CELL_COSTS of one channel set."""
    costs = {}
    for quantity, table in CELL_COSTS.read_all(paths).fillna({"operation": ""}).groupby("quantity"):
        known = table.set_index(["part", "operation"])["cost"].to_dict()
        prices = tuple(tuple(known[edge, name] for name in space.operations) for edge in space.edges)
        costs[str(quantity)] = CellCosts(known["fixed", ""], prices, known["sums", ""], space.nodes)
    return costs


def alpha_rows(space: CellSpace, probabilities: Numbers) -> pd.DataFrame:
    """Columns edge, operation, probability."""
    rows = [
        (edge, operation, probability)
        for edge, of_edge in zip(space.edges, probabilities.tolist(), strict=True)
        for operation, probability in zip(space.operations, of_edge, strict=True)
    ]
    return pd.DataFrame(rows, columns=["edge", "operation", "probability"])


def last_probabilities(space: CellSpace, alpha: pd.DataFrame) -> Numbers:
    """(edges, operations) after the last epoch.

    Args:
        space: of cells.
        alpha: rows of CELL_ALPHA of one search.
    """
    last = alpha[alpha["epoch"] == alpha["epoch"].max()].pivot(index="edge", columns="operation", values="probability")
    ordered: Numbers = last.loc[list(space.edges), list(space.operations)].to_numpy(np.float64)
    return ordered


def build_lookup_graph(
    alpha: pd.DataFrame, costs: CellCosts, trained: CellCosts, settings: CellSearchConfig
) -> pd.DataFrame:
    """Derive a network from each bound's search, whatever it costs.

    Args:
        alpha: rows of CELL_ALPHA of all searches of one channel set and quantity, numbered by bound.
        costs: of networks as searched, which bounds are of.
        trained: of networks as trained.
        settings: how many bounds, and of which networks.

    Returns:
        Rows of LOOKUP_GRAPH.
    """
    space, bounds = CELL_SPACES[settings.space], spread_bounds(costs, settings.bounds)
    sizes = {
        number: trained.total(_derive(last_probabilities(space, own), trained, settings))
        for number, own in alpha.groupby("number")
    }
    graph = LookupGraph(bounds, [sizes[number] for number in range(settings.bounds)])
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
        costs: of networks as trained, by quantity.
        settings: space, budgets and skeleton.

    Returns:
        Rows of DERIVED, of origin search.

    Raises:
        UserError: if no network is within a budget.
    """
    keys, space = ["channels", "quantity", "number", "repeat"], CELL_SPACES[settings.space]
    last = {key: last_probabilities(space, own) for key, own in alpha.groupby(keys)}
    rows = []
    found_by = searches.groupby(keys).agg(bound=("bound", "first"), epochs=("epoch", "max")).reset_index()
    for *key, bound, epochs in found_by.itertuples(index=False):
        channels, quantity, number, repeat = key
        prices, budget = costs[quantity], settings.budgets[quantity][number]
        found = _derive(last[tuple(key)], prices, settings, budget)
        plain = _derive(last[tuple(key)], prices, settings)
        rows.append(
            {
                "channels": channels, "quantity": quantity, "budget": budget, "origin": "search", "repeat": repeat,
                "bound": bound, "epochs": epochs, **_network(found, prices),
                "plain_architecture": str(plain), "plain_cost": prices.total(plain),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _derive(probabilities: Numbers, costs: CellCosts, settings: CellSearchConfig, budget: float = np.inf) -> Cells:
    """The most probable network within a budget."""
    if not settings.allow_none:
        probabilities = probabilities * (np.arange(probabilities.shape[1]) > 0)
    least = settings.min_budget_share * budget if np.isfinite(budget) else -np.inf
    found = DERIVATIONS[settings.space].derive(probabilities, costs, settings.skeletons["trained"], budget, least)
    if found is None:
        raise UserError(
            f"no network is within {spell(budget)}: the smallest expected has {spell(spread_bounds(costs, 2)[0])}",
            "cell_search.budgets",
            "raise it, or lower the width or the cells of the networks",
        )
    return found


def draw_networks(channels: str, costs: Mapping[str, CellCosts], settings: CellSearchConfig, seed: int) -> pd.DataFrame:
    """Draw networks within each budget: what a search has to beat.

    Args:
        channels: name of the channel set.
        costs: of networks as trained, by quantity.
        settings: space, budgets, skeleton, and how many.
        seed: of the run.

    Returns:
        Rows of DERIVED, of origin random.
    """
    rows, draw, count = [], DERIVATIONS[settings.space].draw, settings.random_networks
    skeleton = settings.skeletons["trained"]
    for quantity, budgets in settings.budgets.items():
        for budget in budgets:
            generator = np.random.default_rng(derive_seed(seed, "draw_networks", channels, quantity, budget))
            rows += [
                {
                    "channels": channels, "quantity": quantity, "budget": budget, "origin": "random",
                    "repeat": repeat, **_network(network, costs[quantity]),
                }
                for repeat, network in enumerate(draw(costs[quantity], skeleton, budget, count, generator))
            ]  # fmt: skip
    return pd.DataFrame(rows)


def _network(network: Cells, costs: CellCosts) -> dict[str, Any]:
    return {
        "architecture": str(network), "cost": costs.total(network), "edges": len(network.operations),
        "skips": list(network.operations).count("skip"),
    }  # fmt: skip
