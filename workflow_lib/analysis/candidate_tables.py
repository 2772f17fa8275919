"""The tables of candidates and of the Pareto front."""

from workflow_lib.core.columns import ARCHITECTURE, CANDIDATE, CANDIDATE_KEY
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent
from workflow_lib.export.network_tables import COSTS

CANDIDATES = Table(
    "candidates",
    (
        CANDIDATE,
        *CANDIDATE_KEY,
        Column("baseline", "flag", meaning="whether it is the plain network outside the search space"),
        Column("folds", "integer", meaning="number of folds trained", low=1),
        Column("validation_share", "number", meaning="validation chips per training chip; 0 for a single split", low=0),
        percent("accuracy_pct", "mean accuracy over folds"),
        Column(
            "accuracy_fold_std_pct",
            "number",
            "%",
            "sample standard deviation of the accuracy over folds (n - 1)",
            low=0,
            optional=True,
        ),
        Column(
            "accuracy_error_pct",
            "number",
            "%",
            "standard error of the mean accuracy, corrected for the overlap of training sets",
            low=0,
            optional=True,
        ),
        percent("accuracy_low_pct", "lower end of the 95 % interval of the mean accuracy", optional=True),
        percent("accuracy_high_pct", "upper end of the 95 % interval of the mean accuracy", optional=True),
        percent("fold_accuracy_pct", kind="numbers", meaning="accuracy of each fold, in fold order"),
        percent("f1_pct", "mean F1 over folds"),
        percent(
            "macro_precision_pct", "mean precision over classes and folds; 0 for a class that a fold never predicts"
        ),
        percent("macro_recall_pct", "mean recall over classes and folds, without classes that a fold lacks"),
        Column("auc", "number", meaning="mean AUC over folds", low=0, high=1, optional=True),
        Column("average_precision", "number", meaning="mean average precision over folds", low=0, high=1),
        Column("matthews", "number", meaning="mean Matthews correlation coefficient over folds", low=-1, high=1),
        percent(r"recall_.+_pct", "mean recall of a class over folds", optional=True, family=True),
        percent(
            r"precision_.+_pct",
            "mean precision of a class over the folds that predict it",
            optional=True,
            family=True,
        ),
        percent(r"region_.+_accuracy_pct", "accuracy in a region, over all folds", optional=True, family=True),
        Column("training_s", "number", "s", "wall time of training, mean over folds", low=0),
        Column("kept_epoch", "integer", meaning="epoch whose weights are kept, median over folds", low=1),
        Column(
            "search_s",
            "number",
            "s",
            "search time as in PROPOSALS, the same for all candidates; absent for grids",
            low=0,
            family=True,
        ),
        Column("latency_mean_ms", "number", "ms", "mean latency over devices", low=0),
        Column(
            "latency_device_std_ms", "number", "ms", "population standard deviation of the latency over devices", low=0
        ),
        Column("latency_worst_ms", "number", "ms", "latency on the slowest device", low=0),
        *COSTS,
        Column(r"file_.+_bytes", "number", "B", "size of the file that was measured on a device", low=1, family=True),
        Column(r"latency_.+_ms", "number", "ms", "latency on a device", low=0, family=True),
        Column(
            r"energy_.+_mj",
            "number",
            "mJ",
            "energy on a device; energy_mean_mj: the mean over devices",
            low=0,
            family=True,
        ),
    ),
    key=("candidate",),
)


FRONT = Table(
    "front",
    (
        *CANDIDATES.columns,
        Column("rank", "integer", meaning="Pareto rank; 0 is the front, missing for baselines", low=0, optional=True),
        Column("on_front", "flag", meaning="no candidate is at least as good in all objectives and better in one"),
        Column(
            "on_epsilon_front",
            "flag",
            meaning="on the front if differences within the tolerances are ignored",
        ),
        percent("hypervolume_pct", "share of the front's hypervolume that would be lost without it"),
        Column(
            "front_frequency", "number", meaning="share of fold resamples in which it is on the front", low=0, high=1
        ),
        Column("recommended", "flag", meaning="whether the report recommends it"),
        Column(r"choice_.+", "choice", meaning="value of a choice of the network", family=True, optional=True),
    ),
    key=("candidate",),
)


RAW_CONFIGURATIONS = Table(
    "raw_configurations",
    (
        Column("configuration", "integer", meaning="position among the raw configurations", low=0),
        Column(r".+", "choice", meaning="value of a choice of the search space", family=True),
        ARCHITECTURE,
    ),
    key=("configuration",),
)

RANKED_RESULT = Result(
    "ranked",
    FRONT,
    "build_front/ranked.parquet",
    meaning="all candidates, with rank, front frequency and recommendation",
)
