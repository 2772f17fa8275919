"""Schemas of the tables of measured throughput and arithmetic intensity."""

from workflow_lib.core.columns import ARCHITECTURE, CHANNELS
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table

UTILIZATIONS = Table(
    "utilizations",
    (
        CHANNELS,
        ARCHITECTURE,
        Column("batch_images", "integer", "images", "the largest batch that fits", low=1),
        Column("images_per_s", "number", "images/s", "throughput at that batch", low=0),
        Column("flops_per_image", "number", "FLOP", "two per multiply-add", low=0),
        Column("utilization_pct", "number", "%", "throughput x FLOPs, relative to the peak", low=0),
        Column("intensity", "number", "FLOP/B", "arithmetic intensity at that batch", low=0),
        Column("memory_bound_pct", "number", "%", "share of FLOPs in memory-bound layers", low=0, high=100),
        Column("peak_flops_per_s", "number", "FLOP/s", "throughput of a large matrix product", low=0),
        Column("bandwidth_bytes_per_s", "number", "B/s", "bytes read and written by a large copy", low=0),
        Column("compute_device", "text", meaning="cpu, or the GPU's name"),
        Column("compute_precision", "text", meaning="float32 or bf16"),
        Column("threads", "integer", meaning="CPU threads", low=1),
    ),
    key=("channels", "architecture"),
)


LAYERS = Table(
    "layers",
    (
        CHANNELS,
        ARCHITECTURE,
        Column("layer", "text", meaning="name of the module"),
        Column("kind", "text", meaning="conv or linear"),
        Column("flops", "integer", "FLOP", "FLOPs for the batch", low=0),
        Column("input_bytes", "integer", "B", "input bytes read", low=0),
        Column("weight_bytes", "integer", "B", "weight bytes read", low=0),
        Column("output_bytes", "integer", "B", "output bytes written", low=0),
        Column("intensity", "number", "FLOP/B", "FLOPs per byte read or written", low=0),
        Column(
            "memory_bound", "flag", meaning="whether its intensity is below the device's ratio of peak to bandwidth"
        ),
    ),
    key=("channels", "architecture", "layer"),
)

UTILIZATIONS_RESULT = Result(
    "utilizations",
    UTILIZATIONS,
    "gather_table/utilizations.parquet",
    when=lambda config: config.utilization is not None,
    filled=True,
)
LAYERS_RESULT = Result(
    "layers",
    LAYERS,
    "gather_table/layers.parquet",
    when=lambda config: config.utilization is not None,
    filled=True,
)
