"""Schemas of the tables of training scores."""

from pathlib import Path

from workflow_lib.core.candidate import KEYS
from workflow_lib.core.columns import CANDIDATE, CANDIDATE_KEY, CHANNELS, CROSS_ENTROPY, FOLD
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

SCORES = (
    percent("accuracy_pct", "share of validation chips classified correctly"),
    percent("f1_pct", "F1 score, mean over classes"),
    Column("auc", "number", meaning="area under the ROC curve, mean over classes", low=0, high=1, optional=True),
    Column(
        "average_precision",
        "number",
        meaning="average precision (area under the precision-recall curve), mean over the classes with chips",
        low=0,
        high=1,
    ),
    Column("matthews", "number", meaning="Matthews correlation coefficient of all classes", low=-1, high=1),
    CROSS_ENTROPY,
    percent(
        "recall_pct",
        kind="numbers",
        meaning="recall per class, in the config's order; missing for a class without chips",
        optional=True,
    ),
    percent(
        "precision_pct",
        kind="numbers",
        meaning="precision per class, in the config's order; missing for a class that is never predicted",
        optional=True,
    ),
    Column("regions", "texts", meaning="regions of the validation chips"),
    percent("region_accuracy_pct", kind="numbers", meaning="accuracy per region, in the order of `regions`"),
    Column("region_chips", "integers", "chips", "validation chips per region", low=0),
)


TRAINED = (
    *SCORES,
    Column("loss", "numbers", "nat", "mean training loss per epoch", low=0),
    Column("kept_epoch", "integer", meaning="epoch whose weights are kept, counted from 1; 0: not trained", low=0),
    Column("training_chips", "integer", "chips", "chips trained on; 0: a trained model", low=0),
    Column("validation_chips", "integer", "chips", "chips validated on", low=1),
    Column(
        "training_s", "number", "s", "wall time of the training loop; folds trained together share it equally", low=0
    ),
    Column("utilization_pct", "number", "%", "FLOP/s of the training, relative to a large matrix product", low=0),
    Column("peak_memory_bytes", "integer", "B", "peak memory of the job (CUDA: peak allocated)", low=0),
    Column("compute_device", "text", meaning="cpu, or the GPU's name"),
    Column("compute_precision", "text", meaning="float32 or bf16"),
    Column("threads", "integer", meaning="CPU threads", low=1),
    Column("versions", "text", meaning="versions of Python, torch and NumPy"),
)


PREDICTED = (
    Column("chips", "int32s", meaning="rows of the validation chips in the chip array", low=0),
    Column(
        "probabilities",
        "float16s",
        meaning="class probabilities of the validation chips: those of all classes for the first chip, then the second",
        low=0,
        high=1,
    ),
)


_TRAINING = (*CANDIDATE_KEY, FOLD)
_TRAINING_KEY = (*KEYS, "fold")
_FOREST = (CHANNELS, FOLD)
_FOREST_KEY = ("channels", "fold")

TRAINING = Table("training", (*_TRAINING, *TRAINED, *PREDICTED), _TRAINING_KEY)
"""The file of one training, which `gather_table` divides into the next two tables."""

FOLD_SCORES = Table("fold_scores", (*_TRAINING, *TRAINED), _TRAINING_KEY)
PREDICTIONS = Table("predictions", (*_TRAINING, *PREDICTED), _TRAINING_KEY)

FOREST = Table("forest", (*_FOREST, *SCORES, *PREDICTED), _FOREST_KEY)
"""The file of one reference classifier, which `gather_table` divides into the next two tables."""

FOREST_SCORES = Table("forest_scores", (*_FOREST, *SCORES), _FOREST_KEY)
FOREST_PREDICTIONS = Table("forest_predictions", (*_FOREST, *PREDICTED), _FOREST_KEY)

FAILED = b"failed:"
"""First bytes of a file that marks a permanently failed training; `Run.failure_marker` writes it."""


def is_failed(training: Path) -> bool:
    """Tell whether the file of a training marks a permanent failure."""
    with training.open("rb") as stream:
        return stream.read(len(FAILED)) == FAILED


HOLDOUT_SCORES = Table("holdout_scores", (CANDIDATE, *TRAINED), key=("candidate",))

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
PREDICTIONS_RESULT = Result(
    "predictions",
    PREDICTIONS,
    "gather_table/predictions.parquet",
    meaning="class probabilities of every validation chip by every training",
)
FOREST_PREDICTIONS_RESULT = Result("forest_predictions", FOREST_PREDICTIONS, "gather_table/forest_predictions.parquet")
