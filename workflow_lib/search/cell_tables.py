"""The tables of constrained cell search."""

from typing import Any

from workflow_lib.core.columns import ARCHITECTURE, CHANNELS
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table
from workflow_lib.spaces.cell_costs import COUNTED

QUANTITY = Column("quantity", "text", meaning="bounded cost, such as parameters")


SEARCH_COLUMNS = (
    CHANNELS,
    QUANTITY,
    Column("target", "text", meaning="bound: a search for the look-up graph; budget: a search at a budget"),
    Column("number", "integer", meaning="number of the bound or of the budget, from 0", low=0),
    Column("repeat", "integer", meaning="number of the search among those that differ only in the seed", low=0),
    Column("epoch", "integer", meaning="epoch of the search, from 1", low=1),
)


CELL_SEARCH = Table(
    "cell_search",
    (
        *SEARCH_COLUMNS,
        Column("bound", "number", meaning="upper bound of the expected cost, enforced by the multiplier", low=0),
        Column("cost", "number", meaning="expected cost of a network whose operations are sampled from alpha", low=0),
        Column("multiplier", "number", meaning="Lagrange multiplier lambda at the end of the epoch", low=0),
        Column("weight_loss", "number", meaning="mean loss of the steps that train the weights", low=0),
        Column("alpha_loss", "number", meaning="mean loss of the steps that train alpha, on other chips", low=0),
        Column("skips", "integer", meaning="edges whose most probable operation is a skip connection", low=0),
        Column("seconds", "number", "s", "wall time of the epoch", low=0),
    ),
    key=("channels", "quantity", "target", "number", "repeat", "epoch"),
)


CELL_ALPHA = Table(
    "cell_alpha",
    (
        *SEARCH_COLUMNS,
        Column("edge", "text", meaning="edge, named by its two nodes"),
        Column("operation", "text", meaning="operation of the search space"),
        Column("probability", "number", meaning="probability of the operation: softmax of alpha", low=0, high=1),
    ),
    key=("channels", "quantity", "target", "number", "repeat", "epoch", "edge", "operation"),
)


CELL_COSTS = Table(
    "cell_costs",
    (
        CHANNELS,
        QUANTITY,
        Column("skeleton", "text", meaning="searched or trained: the networks to which the cost applies"),
        Column(
            "part",
            "text",
            meaning="an edge, named by its two nodes; fixed: all parts that are not searched; sums: each sum",
        ),
        Column("operation", "text", meaning="operation on the edge", optional=True),
        Column("cost", "number", meaning="total cost in all cells of the network"),
    ),
    key=("channels", "quantity", "skeleton", "part", "operation"),
)


LOOKUP_GRAPH = Table(
    "lookup_graph",
    (
        CHANNELS,
        QUANTITY,
        Column("bound", "number", meaning="bound of a search", low=0),
        Column("size", "number", meaning="cost of the network derived from the search", low=0),
        Column("falls", "flag", meaning="whether the network is smaller than that of a lower bound"),
    ),
    key=("channels", "quantity", "bound"),
)


DERIVED = Table(
    "derived",
    (
        CHANNELS,
        QUANTITY,
        Column("budget", "number", meaning="maximum cost of the network", low=0),
        Column("origin", "text", meaning="search: derived from a search; random: drawn within the budget"),
        Column("repeat", "integer", meaning="number of the network among those of one budget and origin", low=0),
        Column("bound", "number", meaning="bound of the search, from the look-up graph", low=0, optional=True),
        ARCHITECTURE,
        Column("cost", "number", meaning="cost of the whole network", low=0),
        Column(
            "plain_architecture",
            "text",
            meaning="architecture with the most probable operation on each edge, regardless of cost",
            optional=True,
        ),
        Column("plain_cost", "number", meaning="cost of plain_architecture", low=0, optional=True),
        Column(
            "epochs", "integer", meaning="epochs of its search, up to a collapse if there was one", low=1, optional=True
        ),
        Column("edges", "integer", meaning="number of edges of the network's cells", low=1),
        Column("skips", "integer", meaning="number of skip connections among these edges", low=0),
    ),
    key=("channels", "quantity", "budget", "origin", "repeat"),
)


def budget_files(config: Any, channels: str, suffix: str) -> list[str]:
    """List the result files of the searches at budgets, relative to results/<run>.

    Args:
        config: the whole configuration.
        channels: channel set, or a wildcard.
        suffix: suffix of the files.
    """
    return [
        f"search_cell/{channels}/{quantity}/budget/{number}/{repeat}{suffix}"
        for quantity, budgets in config.cell_search.budgets.items()
        for number in range(len(budgets))
        for repeat in range(config.cell_search.seeds)
    ]


def _searched(config: Any) -> bool:
    return bool(config.search.strategy == "constrained")


def _prices(config: Any) -> list[str]:
    quantities = dict.fromkeys([*COUNTED, *config.cell_search.budgets])
    return [
        f"price_operations/{channels}/{quantity}/trained.parquet"
        for channels in config.grid.channel_sets
        for quantity in quantities
    ]


PRICES_RESULT = Result(
    "prices",
    CELL_COSTS,
    _prices,
    when=lambda config: config.cell_search is not None and config.search.strategy != "constrained",
    filled=True,
)
"""Costs of the operations of cells that a strategy chooses from like from a grid."""


DERIVED_RESULT = Result("derived", DERIVED, "derive_network/{channels}.parquet", when=_searched, filled=True)
LOOKUP_GRAPHS_RESULT = Result(
    "graphs",
    LOOKUP_GRAPH,
    lambda config: [
        f"build_lookup_graph/{channels}/{quantity}.parquet"
        for channels in config.grid.channel_sets
        for quantity in config.cell_search.budgets
    ],
    when=_searched,
    filled=True,
)
CELL_SEARCHES_RESULT = Result(
    "searches",
    CELL_SEARCH,
    lambda config: [path for name in config.grid.channel_sets for path in budget_files(config, name, ".parquet")],
    when=_searched,
    filled=True,
)
FIRST_CELL_ALPHAS_RESULT = Result(
    "cell_alpha",
    CELL_ALPHA,
    lambda config: [budget_files(config, name, ".alpha.parquet")[0] for name in config.grid.channel_sets],
    when=_searched,
    filled=True,
)
ALL_CELL_SEARCHES_RESULT = Result(
    "all_searches",
    CELL_SEARCH,
    lambda config: (
        [
            f"search_cell/{channels}/{quantity}/bound/{number}/0.parquet"
            for channels in config.grid.channel_sets
            for quantity in config.cell_search.budgets
            for number in range(config.cell_search.bounds)
        ]
        + CELL_SEARCHES_RESULT.paths(config)
    ),
    when=_searched,
    filled=True,
)
"""The training curves of all searches: those for the look-up graphs, and those at budgets."""
