"""The table of simulated battery discharges."""

from workflow_lib.core.columns import ARCHITECTURE, CHANNELS
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

BATTERY = Table(
    "battery",
    (
        CHANNELS,
        Column("policy", "text", meaning="accurate, frugal: one network alone; adequate: switching"),
        Column("step", "integer", meaning="the first is 0; between two, the network is switched", low=0),
        Column("candidate", "text", meaning="channels, batch and architecture"),
        ARCHITECTURE,
        Column("begin_h", "number", "h", "from a full battery on", low=0),
        Column("end_h", "number", "h", "from a full battery on", low=0),
        percent("begin_pct", "charge at the beginning"),
        percent("end_pct", "charge at the end"),
        Column("inferences", "integer", meaning="in the step", low=0),
        percent("accuracy_pct", "of the network"),
        Column("energy_mj", "number", "mJ", "of one inference", low=0),
    ),
    key=("channels", "policy", "step"),
)

BATTERY_RESULT = Result(
    "battery",
    BATTERY,
    "simulate_battery/{channels}.parquet",
    when=lambda config: config.battery is not None,
    filled=True,
)
