"""The table of simulated battery discharges."""

from workflow_lib.core.columns import ARCHITECTURE, CHANNELS
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

BATTERY = Table(
    "battery",
    (
        CHANNELS,
        Column("policy", "text", meaning="accurate or frugal: one network alone; adequate: switching"),
        Column("step", "integer", meaning="step number, from 0; the network is switched between steps", low=0),
        Column("candidate", "text", meaning="channels, batch and architecture"),
        ARCHITECTURE,
        Column("begin_h", "number", "h", "beginning of the step, counted from the full battery", low=0),
        Column("end_h", "number", "h", "end of the step, counted from the full battery", low=0),
        percent("begin_pct", "charge at the beginning of the step"),
        percent("end_pct", "charge at the end of the step"),
        Column("inferences", "integer", meaning="number of inferences in the step", low=0),
        percent("accuracy_pct", "accuracy of the network"),
        Column("energy_mj", "number", "mJ", "energy of one inference", low=0),
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
