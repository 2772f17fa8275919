"""Tables of kernels, latencies, coverage and measurements."""

from workflow_lib.core.candidate import NETWORK_KEYS
from workflow_lib.core.columns import ARCHITECTURE, CHANNELS, DEVICE, PRECISION
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

KERNELS = Table(
    "kernels",
    (
        Column("kernel", "integer", meaning="position in the network", low=0),
        Column("type", "text", meaning="nn-Meter's kernel name"),
        Column("features", "numbers", meaning="nn-Meter's features of the kernel, in its order"),
        Column("input_hw", "number", "pixels", "input height and width", low=1),
        Column("output_hw", "number", "pixels", "output height and width", low=1),
        Column("in_channels", "integer", meaning="input channels", low=0),
        Column("out_channels", "integer", meaning="output channels", low=0),
        Column("kernel_size", "number", "pixels", "kernel height and width", low=0),
        Column("stride", "number", "pixels", "stride", low=0),
        Column("multiply_adds", "number", meaning="multiply-adds per chip", low=0),
        Column(
            "inexpressible",
            "texts",
            meaning="properties that the features do not express, such as groups 4",
            optional=True,
        ),
    ),
    key=("kernel",),
)


LATENCIES = Table(
    "latencies",
    (
        CHANNELS,
        ARCHITECTURE,
        PRECISION,
        DEVICE,
        Column("predictor", "text", meaning="kind of predictor"),
        Column("latency_ms", "number", "ms", "latency of one chip", low=0, above=0, optional=True),
        Column("energy_mj", "number", "mJ", "energy of one chip, instead of a latency", low=0, above=0, optional=True),
        Column("latency_run_std_ms", "number", "ms", "standard deviation over measurements", low=0, optional=True),
        Column("runs", "integer", meaning="number of measured runs", low=1, optional=True),
        Column("file_bytes", "integer", "B", "size of the file that was measured", low=1, optional=True),
        Column(
            "predictor_error_pct",
            "number",
            "%",
            "median absolute error of the predictor on held-out networks, if known",
            low=0,
            optional=True,
        ),
        Column(
            "kernels",
            "integer",
            meaning="number of kernels in the network; missing if it was measured",
            low=1,
            optional=True,
        ),
        Column("covered_kernels", "integer", meaning="number of kernels that have a price", low=0, optional=True),
        Column(
            "filled_kernels",
            "integer",
            meaning="number of kernels priced by the calibrated model as a fallback",
            low=0,
            optional=True,
        ),
        percent("covered_multiply_adds_pct", "share of multiply-adds in kernels that have a price", optional=True),
    ),
    key=(*NETWORK_KEYS, "device"),
)


COVERAGE = Table(
    "coverage",
    (
        DEVICE,
        Column("type", "text", meaning="nn-Meter's name of a kernel for which the predictor has no price"),
        Column(
            "reason", "text", meaning="why it has no price: no forest, or properties that its features do not express"
        ),
        Column("kernels", "integer", meaning="number of such kernels in all networks", low=1),
        Column("networks", "integer", meaning="number of networks with such a kernel", low=1),
    ),
    key=("device", "type", "reason"),
)


MEASUREMENTS = Table(
    "measurements",
    (
        Column("model", "text", meaning="name of a kernel, <channels>_<architecture> of a network, or the word empty"),
        Column("latency_ms", "number", "ms", "median of the fastest round", low=0, above=0),
        Column("latency_run_std_ms", "number", "ms", "standard deviation over rounds", low=0, optional=True),
        Column("runs", "integer", meaning="number of runs in all rounds", low=1, optional=True),
        Column("file", "text", meaning="column of a completed manifest; not used", optional=True, family=True),
    ),
    key=("model",),
)


VALIDATION = Table(
    "validation",
    (
        DEVICE,
        PRECISION,
        Column("network", "text", meaning="<channels>_<architecture>"),
        Column("use", "text", meaning="calibration (the predictor was fitted to it) or validation"),
        Column("latency_ms", "number", "ms", "measured latency", low=0, above=0),
        Column("predicted_ms", "number", "ms", "predicted latency", low=0),
    ),
    key=("device", "precision", "network"),
)

LATENCIES_RESULT = Result(
    "latencies",
    LATENCIES,
    "gather_table/latencies.parquet",
    meaning="the latency of every network on every device",
)
VALIDATION_RESULT = Result(
    "validation",
    VALIDATION,
    lambda config: config.validation_files,
    when=lambda config: bool(config.validation_files),
    filled=True,
)
