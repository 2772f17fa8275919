"""Tables of supernets."""

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
        Column("ranking", "integer", meaning="the last one that it took part in; later ones come first", low=0),
        Column(
            "score",
            "number",
            meaning="high where the Pareto rank of error and cost is low; missing if it was pruned unseen",
            optional=True,
        ),
        percent("accuracy_pct", "by the shared weights, when it was last judged; missing if never", optional=True),
        CROSS_ENTROPY,
        Column("cost", "number", meaning="what it is ranked by beside error: a column of the candidates table", low=0),
        Column("network_steps", "integer", meaning="of networks that trained the supernet, in all", low=0),
        Column("seconds", "number", "s", "that training and ranking took, in all", low=0),
    ),
    key=("channels", "variant", "number", "architecture"),
)


ALPHA = Table(
    "alpha",
    (
        CHANNELS,
        VARIANT,
        NUMBER,
        Column("ranking", "integer", meaning="the first is 0; between two, values are pruned", low=0),
        Column("epoch", "integer", meaning="its epoch, from 1", low=1),
        Column("choice", "text", meaning="dimension of the search space"),
        Column("value", "text", meaning="one of its values"),
        Column("alpha", "number", meaning="its architecture parameter"),
    ),
    key=("channels", "variant", "number", "ranking", "epoch", "choice", "value"),
)


PACKED = Table(
    "packed",
    (
        CHANNELS,
        ARCHITECTURE,
        percent("accuracy_pct", "by the shared weights"),
        Column("cross_entropy", "number", meaning="by the shared weights", low=0),
        Column("own_bytes", "integer", "B", "of its tensors, if it were alone", low=1),
        Column("shared_bytes", "integer", "B", "of all networks' tensors in one file", low=1),
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
