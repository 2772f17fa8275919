"""Tables that are made from the kept predictions of validation chips."""

from workflow_lib.core.columns import CANDIDATE, CHIP, CROSS_ENTROPY, FOLD, REGION
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

PAIRED = Table(
    "paired",
    (
        CANDIDATE,
        Column("other", "text", meaning="candidate, baseline or reference classifier that it is compared with"),
        Column("chips", "integer", "chips", "validation chips that both classified", low=1),
        Column("clusters", "integer", meaning="independent units of the bootstrap: pictures or spatial blocks", low=1),
        Column("difference_pct", "number", "%", "accuracy minus that of the other (points)"),
        Column("low_pct", "number", "%", "lower end of the 95 % bootstrap interval of the difference"),
        Column("high_pct", "number", "%", "upper end of the 95 % bootstrap interval of the difference"),
        Column(
            "only_candidate",
            "integer",
            "chips",
            "chips that only the candidate gets right; missing if each chip is scored several times",
            low=0,
            optional=True,
        ),
        Column("only_other", "integer", "chips", "chips that only the other gets right", low=0, optional=True),
        Column(
            "mcnemar_p", "number", meaning="p value of McNemar's exact test, two-sided", low=0, high=1, optional=True
        ),
        Column(
            "holm_p",
            "number",
            meaning="the same, adjusted by Holm's method for the number of comparisons",
            low=0,
            high=1,
            optional=True,
        ),
    ),
    key=("candidate", "other"),
)


CALIBRATION = Table(
    "calibration",
    (
        CANDIDATE,
        Column("temperature", "number", meaning="divisor of the logits, fitted to all validation chips", above=0),
        percent("error_pct", "expected calibration error, 15 bins of equal width"),
        percent("calibrated_error_pct", "the same, each part of the chips with the temperature fitted to the others"),
        CROSS_ENTROPY,
        Column("calibrated_cross_entropy", "number", "nat", "cross-entropy with temperature, likewise", low=0),
    ),
    key=("candidate",),
)


SELECTION = Table(
    "selection",
    (
        CANDIDATE,
        Column(
            "threshold",
            "number",
            meaning="calibrated probability of the most probable class below which the model abstains",
            low=0,
            high=1,
        ),
        percent("decided_pct", "share of the validation chips that are decided"),
        percent("error_pct", "error of the decided chips", optional=True),
        percent(
            "error_high_pct", "upper end of this error, for all thresholds at once with 95 % confidence", optional=True
        ),
    ),
    key=("candidate", "threshold"),
)


ASSESSED = Table(
    "assessed",
    (
        CANDIDATE,
        CHIP,
        FOLD,
        Column("class", "text", meaning="given class"),
        Column("probabilities", "numbers", meaning="probability of each class, in the config's order", low=0, high=1),
        Column(
            "calibrated",
            "numbers",
            meaning="the same, with the temperature fitted to other parts of the chips",
            low=0,
            high=1,
        ),
    ),
    key=("candidate", "chip", "fold"),
)


SUSPECTS = Table(
    "suspects",
    (
        Column("rank", "integer", meaning="1 is the most suspicious chip", low=1),
        CHIP,
        REGION,
        Column("file", "text", meaning="file name without folder"),
        Column("x", "number", "CRS unit", "chip centre"),
        Column("y", "number", "CRS unit", "chip centre"),
        Column("crs", "text", meaning="coordinate reference system; empty if the files have none"),
        Column("class", "text", meaning="given class"),
        Column("suggested", "text", meaning="most probable class"),
        percent("given_probability_pct", "mean probability of the given class by the good candidates"),
        percent("suggested_probability_pct", "mean probability of the suggested class"),
        percent("wrong_pct", "share of the good candidates that predict another class than the given one"),
        Column("likely_error", "flag", meaning="whether confident learning counts the label as wrong"),
    ),
    key=("chip",),
)


COMBINATIONS = Table(
    "combinations",
    (
        Column("kind", "text", meaning="cascade: the first network hands over to the second; ensemble: mean of both"),
        Column("first", "text", meaning="candidate that sees every chip; the faster one of a cascade"),
        Column("second", "text", meaning="candidate that sees the chips that are handed over"),
        percent("target_pct", "share of the chips that a cascade should hand over; 100 for ensembles"),
        percent("handed_over_pct", "share of the chips that were handed over"),
        percent("accuracy_pct", "accuracy, with thresholds that were fitted to other parts of the chips"),
        Column("accuracy_error_pct", "number", "%", "standard error of the accuracy over folds", low=0, optional=True),
        Column("latency_mean_ms", "number", "ms", "expected latency, mean over devices", low=0),
        Column("memory_bytes", "integer", "B", "memory of both networks", low=0),
        Column(
            "extends_front",
            "flag",
            meaning="whether no front member is as accurate, as fast and as small at the same time",
        ),
    ),
    key=("kind", "first", "second", "target_pct"),
)

_FOLDER = "assess_predictions"

PAIRED_RESULT = Result(
    "paired",
    PAIRED,
    f"{_FOLDER}/paired.parquet",
    meaning="the recommended model against others, chip by chip",
)
CALIBRATION_RESULT = Result("calibration", CALIBRATION, f"{_FOLDER}/calibration.parquet")
SELECTION_RESULT = Result("selection", SELECTION, f"{_FOLDER}/selection.parquet")
ASSESSED_RESULT = Result("assessed", ASSESSED, f"{_FOLDER}/assessed.parquet")
SUSPECTS_RESULT = Result(
    "suspects",
    SUSPECTS,
    f"{_FOLDER}/suspects.parquet",
    meaning="all validation chips, those whose label is most doubtful first",
)
COMBINATIONS_RESULT = Result(
    "combinations",
    COMBINATIONS,
    f"{_FOLDER}/combinations.parquet",
    meaning="cascades and ensembles of two front members",
)
