"""The table of the network costs that are computed at export."""

from workflow_lib.core.columns import ARCHITECTURE, CHANNELS
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table
from workflow_lib.costs import all_costs

COSTS = tuple(
    Column(name, cost.kind, cost.unit, cost.meaning, cost.low, cost.high) for name, cost in all_costs().items()
)
"""One column per cost."""

NETWORKS = Table("networks", (CHANNELS, ARCHITECTURE, *COSTS), key=("channels", "architecture"))

NETWORKS_RESULT = Result("networks", NETWORKS, "gather_table/networks.parquet")
