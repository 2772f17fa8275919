"""Tables of measured throughput and arithmetic intensity."""

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
        Column("utilization_pct", "number", "%", "throughput x FLOPs, of the peak", low=0),
        Column("intensity", "number", "FLOP/B", "arithmetic intensity at that batch", low=0),
        Column("memory_bound_pct", "number", "%", "FLOPs in layers that are bound by memory", low=0, high=100),
        Column("peak_flops_per_s", "number", "FLOP/s", "what a large matrix product reaches", low=0),
        Column("bandwidth_bytes_per_s", "number", "B/s", "what a large copy reads and writes", low=0),
        Column("compute_device", "text", meaning="cpu, or the GPU's name"),
        Column("precision", "text", meaning="float32 or bf16"),
        Column("threads", "integer", meaning="CPU threads", low=1),
    ),
    key=("channels", "architecture"),
)


LAYERS = Table(
    "layers",
    (
        CHANNELS,
        ARCHITECTURE,
        Column("layer", "text", meaning="module"),
        Column("kind", "text", meaning="conv or linear"),
        Column("flops", "integer", "FLOP", "of the batch", low=0),
        Column("input_bytes", "integer", "B", "read", low=0),
        Column("weight_bytes", "integer", "B", "read", low=0),
        Column("output_bytes", "integer", "B", "written", low=0),
        Column("intensity", "number", "FLOP/B", "FLOPs per byte read or written", low=0),
        Column("memory_bound", "flag", meaning="its intensity is below the device's ratio of peak to bandwidth"),
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
