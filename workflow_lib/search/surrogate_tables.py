"""The tables of what a surrogate search believes, and of how its front grew."""

from typing import Any

from workflow_lib.core.columns import CANDIDATE, CANDIDATE_KEY
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

POSSIBLE = 0.05
"""Probability of being on the front from which a candidate that was not trained counts as open."""

MIN_KNOWN = 2
"""Number of accuracies without which there is no model."""

SHARED_ACCURACY = "shared_accuracy_pct"
"""Column with the accuracy that a network has with the shared weights of a supernet."""


def _searches_by_surrogate(config: Any) -> bool:
    return bool(config.search.strategy == "surrogate")


BELIEFS = Table(
    "beliefs",
    (
        CANDIDATE,
        *CANDIDATE_KEY,
        Column("trained", "flag", meaning="whether it was trained for all epochs"),
        Column("stopped", "flag", meaning="whether successive halving stopped it after a part of the epochs"),
        Column("folds", "integer", "folds", "number of folds on which it was trained", low=0),
        percent(
            "accuracy_pct",
            "measured accuracy, mean over its folds, corrected for their difficulty; missing if it was not trained",
            optional=True,
        ),
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
        Column(
            SHARED_ACCURACY,
            "number",
            "%",
            "accuracy with the shared weights of a supernet, relative to the mean of its channel set; missing without "
            "search.surrogate.shared_accuracy",
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

WITHIN_BUDGETS = Table(
    "within_budgets",
    (
        Column("cost", "text", meaning="limited cost: a column of the candidates"),
        Column("budget", "number", meaning="its maximum value, in the unit of the column", low=0),
        Column("value", "number", meaning="cost of the candidate", low=0, optional=True),
        Column("candidate", "text", meaning="the most accurate candidate; missing if none was trained", optional=True),
        percent("accuracy_pct", "measured accuracy, mean over folds", optional=True),
        Column(
            "believed_accuracy_pct",
            "number",
            "%",
            "expected accuracy given all trainings, its own included; by it the candidate is chosen",
            optional=True,
        ),
        Column("trained", "integer", meaning="number of trained candidates within the budget", low=0),
        Column(
            "possible",
            "integer",
            meaning=f"number of other candidates within the budget that are more accurate with a probability of at "
            f"least {100 * POSSIBLE:g} %",
            low=0,
        ),
    ),
    key=("cost", "budget"),
)

BELIEFS_RESULT = Result(
    "beliefs",
    BELIEFS,
    "assess_surrogate/beliefs.parquet",
    meaning="what the surrogate search believes of every known candidate",
    when=_searches_by_surrogate,
)
PROGRESS_RESULT = Result("progress", PROGRESS, "assess_surrogate/progress.parquet", when=_searches_by_surrogate)
WITHIN_BUDGETS_RESULT = Result(
    "within_budgets",
    WITHIN_BUDGETS,
    "assess_surrogate/within_budgets.parquet",
    meaning="the most accurate candidate within each budget",
    when=lambda config: _searches_by_surrogate(config) and bool(config.search.budgets or config.cell_search),
)
