"""The table of measurements that a remote device made."""

from workflow_lib.core.schema import Column, Table

REMOTE = Table(
    "remote",
    (
        Column("file_sha256", "text", meaning="SHA-256 of the network's file"),
        Column("latency_ms", "number", "ms", "median of the runs on the device", low=0, above=0),
        Column("latency_run_std_ms", "number", "ms", "standard deviation over runs", low=0, optional=True),
        Column("runs", "integer", meaning="number of runs", low=1, optional=True),
        Column("temperature_c", "number", "°C", "temperature of the processor after the runs", optional=True),
        Column("clock_mhz", "number", "MHz", "clock of the processor after the runs", low=0, optional=True),
        Column("processor", "text", meaning="processor of the device, if it tells", optional=True),
    ),
    key=("file_sha256",),
)
