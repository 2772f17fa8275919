"""The table of the network costs that are computed at export."""

from workflow_lib.core.candidate import NETWORK_KEYS
from workflow_lib.core.columns import ARCHITECTURE, CHANNELS, PRECISION
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table
from workflow_lib.costs import all_costs

COSTS = tuple(
    Column(name, cost.kind, cost.unit, cost.meaning, cost.low, cost.high) for name, cost in all_costs().items()
)
"""One column per cost."""

NETWORKS = Table("networks", (CHANNELS, ARCHITECTURE, PRECISION, *COSTS), key=tuple(NETWORK_KEYS))

NETWORKS_RESULT = Result("networks", NETWORKS, "gather_table/networks.parquet")
