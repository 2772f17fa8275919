"""Section on what a surrogate search believes of all candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING

from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.names import MISSING, column_format
from workflow_lib.report.text_table import TextTable, make_table, plus_minus
from workflow_lib.search.surrogate_tables import (
    BELIEFS_RESULT,
    POSSIBLE,
    PROGRESS_RESULT,
    SHARED_ACCURACY,
    WITHIN_BUDGETS_RESULT,
)

if TYPE_CHECKING:
    import pandas as pd

    from workflow_lib.report.content import ReportContent

SHOWN = 10
WITHIN_ONE_DEVIATION = 68


def likeliest(content: ReportContent) -> Mapping[str, TextTable]:
    """Tabulate the candidates that were not trained and most probably belong on the front."""
    frame = content[BELIEFS_RESULT]
    frame = (
        frame[~(frame["trained"] | frame["stopped"]).astype(bool)]
        .sort_values("front_probability", ascending=False)
        .head(SHOWN)
    )
    if frame.empty:
        return {}
    cost = content.config.searched_costs[0]
    shown = column_format(cost)
    accuracies = zip(frame["expected_accuracy_pct"], frame["deviation_pct"], strict=True)
    table = make_table(
        {
            "Candidate": frame["candidate"],
            "Expected accuracy (%)": [plus_minus(*pair) for pair in accuracies],
            shown.axis: [shown.number(value, shown.distinguishing_digits(frame["cost"])) for value in frame["cost"]],
            "Probability of being on the front": [f"{value:.2f}" for value in frame["front_probability"]],
        },
        texts=1,
    )
    return {"Candidates that were not trained and most probably belong on the front": table}


def within_budgets(content: ReportContent) -> Mapping[str, TextTable]:
    """Tabulate the most accurate candidate within each budget, if there are budgets."""
    if not WITHIN_BUDGETS_RESULT.when(content.config):
        return {}
    frame = content[WITHIN_BUDGETS_RESULT]
    table = make_table(
        {
            "Most accurate candidate": frame["candidate"].fillna("none was trained"),
            "Limited cost": [column_format(cost).axis for cost in frame["cost"]],
            "Budget": _amounts(frame, "budget"),
            "Its cost": _amounts(frame, "value"),
            "Measured accuracy (%)": _percent(frame["accuracy_pct"]),
            "Believed accuracy (%)": _percent(frame["believed_accuracy_pct"]),
            "Trained within": frame["trained"],
            f"Better with {100 * POSSIBLE:g} % or more": frame["possible"],
        },
        texts=2,
    )
    return {"Most accurate candidate within each budget": table}


def _amounts(frame: pd.DataFrame, name: str) -> list[str]:
    """Format budgets or costs, each with the digits that tell the budgets of its cost apart."""
    texts = []
    for cost, value in zip(frame["cost"], frame[name], strict=True):
        shown, rows = column_format(cost), frame[frame["cost"] == cost]
        digits = shown.distinguishing_digits(rows["budget"])
        texts.append(MISSING if isnan(value) else shown.number(value, digits))
    return texts


def _percent(values: pd.Series) -> list[str]:
    return [MISSING if isnan(value) else f"{value:.1f}" for value in values]


def tables(content: ReportContent) -> Mapping[str, TextTable]:
    """Return the tables of the section."""
    return {**within_budgets(content), **likeliest(content)}


def sentences(content: ReportContent) -> Sequence[str]:
    """Say how well accuracies are predicted, and what is left open."""
    frame = content[BELIEFS_RESULT]
    trained = frame["trained"].astype(bool)
    stopped = frame["stopped"].astype(bool)
    known, others = frame[trained], frame[~trained & ~stopped]
    error = (known["accuracy_pct"] - known["expected_accuracy_pct"]).abs()
    within = 100 * float((error <= known["deviation_pct"]).mean())
    partly = int((known["folds"] < content.config.folds.count).sum())
    cells = content.config.cell_search
    drawn = "" if cells is None or cells.is_enumerated else "randomly drawn "
    possible = int((others["front_probability"] >= POSSIBLE).sum())
    fewer = (
        f"{partly:,} candidates were not trained on all folds, because more would hardly have changed the front. They "
        "appear in no other table or figure of candidates."
    )
    halved = f"{stopped.sum():,} candidates were trained for a part of the epochs only."
    return [
        *([fewer] if partly else []),
        *([halved] if stopped.any() else []),
        *([_shared(known)] if content.config.search.shares_weights else []),
        "A Gaussian process predicts the accuracy of the candidates from those that were trained; costs are known "
        f"exactly. Predicted from all others, the {len(known)} trained candidates have a median error of "
        f"{error.median():.2f} points, and {within:.0f} % of them lie within one standard deviation of the prediction "
        f"(about {WITHIN_ONE_DEVIATION} % should).",
        f"Of the {len(others):,} {drawn}candidates that were not trained, {possible:,} belong on the front with a "
        f"probability of at least {100 * POSSIBLE:g} %, not counting those less accurate than the median. "
        "If these are many, raise search.candidates: the search continues where it ended.",
    ]


def _shared(known: pd.DataFrame) -> str:
    """Say how well accuracies with shared weights agree with those of separate trainings."""
    agreement = known[SHARED_ACCURACY].corr(known["accuracy_pct"], method="kendall")
    found = "cannot be said" if isnan(agreement) else f"is {agreement:.2f}"
    return (
        "One feature of the model is the accuracy of each network with the shared weights of a supernet. Its agreement "
        f"(Kendall's tau-b) with the measured accuracies of the {len(known)} trained candidates {found}."
    )


SECTION = SectionDeclaration(
    title="Surrogate search",
    reads=(BELIEFS_RESULT, PROGRESS_RESULT),
    optional=(WITHIN_BUDGETS_RESULT,),
    parent="search_space",
    position=62,
    values=tables,
    sentences=sentences,
)
