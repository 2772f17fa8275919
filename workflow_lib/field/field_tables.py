"""Tables on deployment: numeric precisions, detections on maps, and map scores."""

from workflow_lib.core.columns import CANDIDATE
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

PRECISIONS = Table(
    "precisions",
    (
        CANDIDATE,
        Column("precision", "text", meaning="fp32, fp16 or int8"),
        percent("accuracy_pct", "mean over folds, computed with ONNX Runtime"),
        Column("accuracy_error_pct", "number", "%", "standard error of accuracy_pct", low=0, optional=True),
        Column("loss_pct", "number", "%", "accuracy lost against fp32 (percentage points), mean over folds"),
        Column("loss_error_pct", "number", "%", "standard error of loss_pct", low=0, optional=True),
        Column("lossy", "flag", meaning="whether loss_pct exceeds precisions.max_loss_pct"),
        Column("memory_bytes", "integer", "B", "size of the ONNX file", low=1),
        Column("latency_ms", "number", "ms", "for one chip on the machine that ran this, one thread", low=0, above=0),
        Column("latency_run_std_ms", "number", "ms", "standard deviation over rounds", low=0, optional=True),
    ),
    key=("candidate", "precision"),
)


AREA = Column("area", "text", meaning="area of the map")


DETECTIONS = Table(
    "detections",
    (
        AREA,
        Column("class", "text", meaning="class of the place"),
        Column("x", "number", "m", "x coordinate of the place"),
        Column("y", "number", "m", "y coordinate of the place"),
        Column(
            "probability", "number",
            meaning="probability of the class; missing if not found", low=0, high=1, optional=True,
        ),
        Column(
            "outcome", "text",
            meaning="hit, false alarm, missed, uncovered (a true place where the map has no probability) or unknown",
        ),
    ),
)  # fmt: skip


MAP_SCORES = Table(
    "map_scores",
    (
        AREA,
        Column("threshold", "number", meaning="minimum probability of a found place", low=0, high=1),
        Column("found", "integer", meaning="number of found places", low=0),
        Column("hits", "integer", meaning="found places matched with a true place, most probable first", low=0),
        Column("true_places", "integer", meaning="true places that the map covers", low=0),
        Column("uncovered", "integer", meaning="true places that the map does not cover; excluded from scores", low=0),
        *(
            percent(f"{score}{end}_pct", f"{meaning}{limit}", optional=True)
            for score, meaning in {
                "precision": "share of found places that are hits",
                "recall": "share of true places that are hits",
            }.items()
            for end, limit in {"": "", "_low": ", lower end of the 95 % interval", "_high": ", upper end"}.items()
        ),
        percent("f1_pct", "harmonic mean of precision and recall", optional=True),
    ),
    key=("area", "threshold"),
)

DRIFT = Table(
    "drift",
    (
        AREA,
        Column("band", "text", meaning="band of the scenes"),
        Column("windows", "integer", "windows", "windows that were compared with the training chips", low=1),
        Column("region", "text", meaning="the training region that the band resembles most"),
        Column("psi", "number", meaning="population stability index against this region; 0 for equal values", low=0),
        Column("psi_limit", "number", meaning="index that marks a major change", low=0),
        percent("outside_pct", "share of values outside of the range of all training chips"),
        percent("windows_outside_pct", "share of windows whose median is outside of this range"),
        Column(
            "contrast_ratio", "number",
            meaning="median contrast of a window, divided by that of a training chip", low=0, optional=True,
        ),
        *(
            Column(f"{where}_{name}", "number", "raw", f"{quantile} of the values {meaning}")
            for where, meaning in {"found": "in the scenes", "trained": "in the region"}.items()
            for name, quantile in {"low": "5 % quantile", "median": "median", "high": "95 % quantile"}.items()
        ),
    ),
    key=("area", "band"),
)  # fmt: skip

LITERT_FILES = Table(
    "litert_files",
    (
        CANDIDATE,
        Column("precision", "text", meaning="fp32, fp16, dynamic or int8"),
        Column("file_bytes", "integer", "B", "size of the LiteRT file", low=1),
        Column("compared_chips", "integer", "chips", "chips that both files classified", low=1),
        Column("logit_range", "number", meaning="largest minus smallest logit of the ONNX file", low=0),
        Column("largest_difference", "number", meaning="largest difference from the logits of the ONNX file", low=0),
        percent("agreement_pct", "share of chips that both files give the same class"),
    ),
    key=("candidate", "precision"),
)

PRECISIONS_RESULT = Result(
    "precisions",
    PRECISIONS,
    "measure_precisions/precisions.parquet",
    when=lambda config: config.precisions is not None,
)
DETECTIONS_RESULT = Result(
    "detections", DETECTIONS, "score_map/detections.parquet", when=lambda config: config.map is not None
)
DRIFT_RESULT = Result("drift", DRIFT, "score_map/drift.parquet", when=lambda config: config.map is not None)
MAP_SCORES_RESULT = Result(
    "map_scores", MAP_SCORES, "score_map/scores.parquet", when=lambda config: config.map is not None
)
