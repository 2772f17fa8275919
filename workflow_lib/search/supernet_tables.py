"""The tables of supernets."""

from workflow_lib.core.columns import ARCHITECTURE, CHANNELS, CROSS_ENTROPY, NUMBER, VARIANT
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

RANKING = Table(
    "ranking",
    (
        CHANNELS,
        VARIANT,
        NUMBER,
        ARCHITECTURE,
        Column("ranking", "integer", meaning="last ranking that included it; networks of later rankings first", low=0),
        Column(
            "score",
            "number",
            meaning="high if the Pareto rank of error and cost is low; missing if it was pruned without evaluation",
            optional=True,
        ),
        percent(
            "accuracy_pct",
            "accuracy with the shared weights in its latest evaluation; missing if never evaluated",
            optional=True,
        ),
        CROSS_ENTROPY,
        percent(
            "mean_accuracy_pct",
            "mean accuracy of the networks that were evaluated at the same time; missing if all were at once",
            optional=True,
        ),
        Column("mean_cross_entropy", "number", "nat", "their mean cross-entropy", low=0, optional=True),
        Column("cost", "number", meaning="second objective, next to error: a column of the candidates table", low=0),
        Column("network_steps", "integer", meaning="total training steps of the supernet, counted per network", low=0),
        Column("seconds", "number", "s", "total time of training and ranking", low=0),
    ),
    key=("channels", "variant", "number", "architecture"),
)


ALPHA = Table(
    "alpha",
    (
        CHANNELS,
        VARIANT,
        NUMBER,
        Column("ranking", "integer", meaning="number of the ranking, from 0; values are pruned between two", low=0),
        Column("epoch", "integer", meaning="epoch of the ranking, from 1", low=1),
        Column("choice", "text", meaning="choice (dimension) of the search space"),
        Column("value", "text", meaning="value of the choice"),
        Column("alpha", "number", meaning="architecture parameter of the value"),
    ),
    key=("channels", "variant", "number", "ranking", "epoch", "choice", "value"),
)


PACKED = Table(
    "packed",
    (
        CHANNELS,
        ARCHITECTURE,
        percent("accuracy_pct", "accuracy with the shared weights"),
        Column("cross_entropy", "number", meaning="cross-entropy with the shared weights", low=0),
        Column("own_bytes", "integer", "B", "size of its tensors if it were stored alone", low=1),
        Column("shared_bytes", "integer", "B", "size of the tensors of all networks in one file", low=1),
    ),
    key=("channels", "architecture"),
)

ALPHA_RESULT = Result(
    "alpha",
    ALPHA,
    lambda config: [
        f"rank_subnets/{channels}/{variant}/{replicate}/{ranking}.alpha.parquet"
        for channels in config.grid.channel_sets
        for variant, replicate in config.supernets
        if replicate == 0
        for ranking in range(config.supernet.rankings(variant))
    ],
    when=lambda config: bool(config.supernets),
)
PACKED_RESULT = Result(
    "packed",
    PACKED,
    "pack_networks/{channels}.parquet",
    when=lambda config: config.battery is not None and config.search.strategy == "supernet",
    filled=True,
)
RANKINGS_RESULT = Result(
    "rankings",
    RANKING,
    lambda config: [
        f"rank_subnets/{channels}/{variant}/{number}/{config.supernet.rankings(variant) - 1}.parquet"
        for channels in config.grid.channel_sets
        for variant, number in config.supernets
    ],
    when=lambda config: bool(config.supernets),
    filled=True,
)
"""The last ranking of each supernet."""
