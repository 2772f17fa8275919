"""The tables of what a surrogate search believes, and of how its front grew."""

from typing import Any

from workflow_lib.core.columns import CANDIDATE, CANDIDATE_KEY
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

POSSIBLE = 0.05
"""Probability of being on the front from which a candidate that was not trained counts as open."""


def _searches_by_surrogate(config: Any) -> bool:
    return bool(config.search.strategy == "surrogate")


BELIEFS = Table(
    "beliefs",
    (
        CANDIDATE,
        *CANDIDATE_KEY,
        Column("trained", "flag", meaning="whether it was trained"),
        percent("accuracy_pct", "measured accuracy, mean over folds; missing if it was not trained", optional=True),
        Column(
            "expected_accuracy_pct",
            "number",
            "%",
            "expected accuracy; of a trained candidate, given all others",
        ),
        Column("deviation_pct", "number", "%", "standard deviation of that expectation", low=0),
        Column(
            "front_probability",
            "number",
            meaning="probability that it is more accurate than every trained candidate of no higher costs, and than "
            "the median candidate; missing for trained ones",
            low=0,
            high=1,
            optional=True,
        ),
        Column("cost", "number", meaning="first objective besides the accuracy, in its stored unit"),
    ),
    key=("candidate",),
)

PROGRESS = Table(
    "progress",
    (
        Column("trained", "integer", meaning="number of candidates trained so far", low=1),
        CANDIDATE,
        Column("round", "integer", meaning="round in which it was proposed", low=0),
        percent("hypervolume_pct", "hypervolume of the front so far, as a share of that of the final front"),
    ),
    key=("trained",),
)

BELIEFS_RESULT = Result(
    "beliefs",
    BELIEFS,
    "assess_surrogate/beliefs.parquet",
    meaning="what the surrogate search believes of every candidate",
    when=_searches_by_surrogate,
)
PROGRESS_RESULT = Result("progress", PROGRESS, "assess_surrogate/progress.parquet", when=_searches_by_surrogate)
