"""Tables of constrained cell search."""

from typing import Any

from workflow_lib.core.columns import ARCHITECTURE, CHANNELS
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table

QUANTITY = Column("quantity", "text", meaning="what is bounded, such as parameters")


SEARCH = (
    CHANNELS,
    QUANTITY,
    Column("target", "text", meaning="bound: for the look-up graph; budget: for a budget"),
    Column("number", "integer", meaning="of the bound, or of the budget", low=0),
    Column("repeat", "integer", meaning="which of several searches from other seeds", low=0),
    Column("epoch", "integer", meaning="its epoch, from 1", low=1),
)


CELL_SEARCH = Table(
    "cell_search",
    (
        *SEARCH,
        Column("bound", "number", meaning="that the multiplier holds the expected cost to", low=0),
        Column("cost", "number", meaning="expected cost: of networks whose edges draw their operations", low=0),
        Column("multiplier", "number", meaning="lambda, at the end of the epoch", low=0),
        Column("weight_loss", "number", meaning="mean loss of the steps of the weights", low=0),
        Column("alpha_loss", "number", meaning="mean loss of the steps of alpha, on other chips", low=0),
        Column("skips", "integer", meaning="edges whose most probable operation is a skip connection", low=0),
        Column("seconds", "number", "s", "of the epoch", low=0),
    ),
    key=("channels", "quantity", "target", "number", "repeat", "epoch"),
)


CELL_ALPHA = Table(
    "cell_alpha",
    (
        *SEARCH,
        Column("edge", "text", meaning="from and to, by node"),
        Column("operation", "text", meaning="one of the space's"),
        Column("probability", "number", meaning="softmax of alpha", low=0, high=1),
    ),
    key=("channels", "quantity", "target", "number", "repeat", "epoch", "edge", "operation"),
)


CELL_COSTS = Table(
    "cell_costs",
    (
        CHANNELS,
        QUANTITY,
        Column("skeleton", "text", meaning="whether networks are those searched or those trained"),
        Column("part", "text", meaning="an edge, from and to by node; fixed: all that is not searched; sums: each sum"),
        Column("operation", "text", meaning="on the edge", optional=True),
        Column("cost", "number", meaning="in all cells of the network together"),
    ),
    key=("channels", "quantity", "skeleton", "part", "operation"),
)


LOOKUP_GRAPH = Table(
    "lookup_graph",
    (
        CHANNELS,
        QUANTITY,
        Column("bound", "number", meaning="of a search", low=0),
        Column("size", "number", meaning="cost of the network that comes of it", low=0),
        Column("falls", "flag", meaning="it is smaller than that of a lower bound"),
    ),
    key=("channels", "quantity", "bound"),
)


DERIVED = Table(
    "derived",
    (
        CHANNELS,
        QUANTITY,
        Column("budget", "number", meaning="largest cost of the network", low=0),
        Column("origin", "text", meaning="search, or random: drawn within the budget"),
        Column("repeat", "integer", meaning="which of several, from other seeds", low=0),
        Column("bound", "number", meaning="of the search, from the look-up graph", low=0, optional=True),
        ARCHITECTURE,
        Column("cost", "number", meaning="of the network, all included", low=0),
        Column(
            "plain_architecture",
            "text",
            meaning="of the most probable operation on each edge, whatever it costs",
            optional=True,
        ),
        Column("plain_cost", "number", meaning="of that", low=0, optional=True),
        Column(
            "epochs", "integer", meaning="that its search took, before it collapsed or in all", low=1, optional=True
        ),
        Column("edges", "integer", meaning="edges of the network's cells", low=1),
        Column("skips", "integer", meaning="skip connections among them", low=0),
    ),
    key=("channels", "quantity", "budget", "origin", "repeat"),
)


def budget_files(config: Any, channels: str, suffix: str) -> list[str]:
    """What the searches at budgets write, below results/<run>.

    Args:
        config: the whole configuration.
        channels: channel set, or a wildcard.
        suffix: of the files.
    """
    return [
        f"search_cell/{channels}/{quantity}/budget/{number}/{repeat}{suffix}"
        for quantity, budgets in config.cell_search.budgets.items()
        for number in range(len(budgets))
        for repeat in range(config.cell_search.seeds)
    ]


def _searched(config: Any) -> bool:
    return config.cell_search is not None


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
"""The courses of all searches: those that build the look-up graphs, and those at budgets."""
