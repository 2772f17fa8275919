"""Section on what a surrogate search believes of all candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workflow_lib.pareto.front_config import besides_accuracy
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.names import column_format
from workflow_lib.report.text_table import TextTable, make_table, plus_minus
from workflow_lib.search.surrogate_tables import BELIEFS_RESULT, POSSIBLE, PROGRESS_RESULT

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent

SHOWN = 10
WITHIN_ONE_DEVIATION = 68


def likeliest(content: ReportContent) -> Mapping[str, TextTable]:
    """Tabulate the candidates that were not trained and most probably belong on the front."""
    frame = content[BELIEFS_RESULT]
    frame = frame[~frame["trained"].astype(bool)].sort_values("front_probability", ascending=False).head(SHOWN)
    if frame.empty:
        return {}
    cost = besides_accuracy(content.config.front.objectives)[0].name
    accuracies = zip(frame["expected_accuracy_pct"], frame["deviation_pct"], strict=True)
    table = make_table(
        {
            "Candidate": frame["candidate"],
            "Expected accuracy (%)": [plus_minus(*pair) for pair in accuracies],
            column_format(cost).title: [column_format(cost).text(value) for value in frame["cost"]],
            "Probability of being on the front": [f"{value:.2f}" for value in frame["front_probability"]],
        },
        texts=1,
    )
    return {"Candidates that were not trained and most probably belong on the front": table}


def sentences(content: ReportContent) -> Sequence[str]:
    """Say how well accuracies are predicted, and what is left open."""
    frame = content[BELIEFS_RESULT]
    trained = frame["trained"].astype(bool)
    known, others = frame[trained], frame[~trained]
    error = (known["accuracy_pct"] - known["expected_accuracy_pct"]).abs()
    within = 100 * float((error <= known["deviation_pct"]).mean())
    possible = int((others["front_probability"] >= POSSIBLE).sum())
    return [
        "A Gaussian process predicts the accuracy of every candidate from those that were trained; costs are known "
        f"exactly. Predicted from all others, the {len(known)} trained candidates have a median error of "
        f"{error.median():.2f} points, and {within:.0f} % of them lie within one standard deviation of the prediction "
        f"(about {WITHIN_ONE_DEVIATION} % should).",
        f"Of the {len(others):,} candidates that were not trained, {possible:,} belong on the front with a probability "
        f"of at least {100 * POSSIBLE:g} %, not counting those less accurate than the median. If these are many, raise "
        "search.candidates: the search continues where it ended.",
    ]


SECTION = SectionDeclaration(
    title="Surrogate search",
    reads=(BELIEFS_RESULT, PROGRESS_RESULT),
    parent="search_space",
    position=62,
    values=likeliest,
    sentences=sentences,
)
