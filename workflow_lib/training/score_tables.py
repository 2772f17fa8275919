"""Schemas of the tables of training scores."""

from workflow_lib.core.columns import ARCHITECTURE, BATCH, CANDIDATE, CHANNELS, CROSS_ENTROPY, FOLD
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

SCORES = (
    percent("accuracy_pct", "share of validation chips classified correctly"),
    percent("f1_pct", "F1 score, mean over classes"),
    Column("auc", "number", meaning="area under the ROC curve, mean over classes", low=0, high=1, optional=True),
    CROSS_ENTROPY,
    percent(
        "recall_pct",
        kind="numbers",
        meaning="recall per class, in the config's order; missing for a class without chips",
        optional=True,
    ),
    Column("regions", "texts", meaning="regions of the validation chips"),
    percent("region_accuracy_pct", kind="numbers", meaning="accuracy per region, in the order of `regions`"),
    Column("region_chips", "integers", "chips", "validation chips per region", low=0),
)


TRAINED = (
    *SCORES,
    Column("loss", "numbers", "nat", "mean training loss per epoch", low=0),
    Column("training_chips", "integer", "chips", "chips trained on", low=1),
    Column("validation_chips", "integer", "chips", "chips validated on", low=1),
    Column(
        "training_s", "number", "s", "wall time of the training loop; folds trained together share it equally", low=0
    ),
    Column("utilization_pct", "number", "%", "FLOP/s of the training, relative to a large matrix product", low=0),
    Column("peak_memory_bytes", "integer", "B", "peak memory of the job (CUDA: peak allocated)", low=0),
    Column("compute_device", "text", meaning="cpu, or the GPU's name"),
    Column("precision", "text", meaning="float32 or bf16"),
    Column("threads", "integer", meaning="CPU threads", low=1),
    Column("versions", "text", meaning="versions of Python, torch and NumPy"),
)


FOLD_SCORES = Table(
    "fold_scores", (CHANNELS, BATCH, ARCHITECTURE, FOLD, *TRAINED), key=("channels", "batch", "architecture", "fold")
)


HOLDOUT_SCORES = Table("holdout_scores", (CANDIDATE, *TRAINED), key=("candidate",))


FOREST_SCORES = Table("forest_scores", (CHANNELS, FOLD, *SCORES), key=("channels", "fold"))

TRAINED_RESULT = Result("trained", FOLD_SCORES, "gather_table/fold_scores.parquet", meaning="scores of every training")
HOLDOUT_RESULT = Result(
    "holdout",
    HOLDOUT_SCORES,
    "score_holdout/scores.parquet",
    when=lambda config: config.folds.holdout.method != "none",
)
FOREST_RESULT = Result(
    "forest",
    FOREST_SCORES,
    "gather_table/forest_scores.parquet",
    meaning="scores of the reference classifier",
)
