"""Section on the candidates that racing stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.core.candidate import KEYS, Candidate
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.text_table import TextTable, make_table
from workflow_lib.search.proposal_tables import RACE_RESULT

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def race(content: ReportContent) -> TextTable:
    """Tabulate each stopped candidate, when it was stopped, and why."""
    frame = content[RACE_RESULT].sort_values(["after_folds", "lead_pct"], ascending=[True, False], kind="stable")
    return make_table(
        {
            "Candidate": [str(Candidate(*key)) for key in frame[KEYS].itertuples(index=False)],
            "Dominated by": frame["dominated_by"],
            "Stopped after folds": frame["after_folds"],
            "Accuracy (%)": [f"{value:.1f}" for value in frame["accuracy_pct"]],
            "Accuracy of the dominating candidate (%)": [f"{value:.1f}" for value in frame["rival_accuracy_pct"]],
            "Lower bound of the difference (points)": [f"{value:.1f}" for value in frame["lead_pct"]],
        },
        texts=2,
    )


def caveats(content: ReportContent) -> list[str]:
    """List the limitations that a reader must know before relying on the numbers."""
    stopped = len(content[RACE_RESULT])
    if not stopped:
        return []
    return [
        f"Racing stopped {stopped:,} candidates before their last fold. They appear in no table or figure of "
        "candidates; see the search space."
    ]


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "race": race(content),
    }


SECTION = SectionDeclaration(
    title="Racing",
    reads=(RACE_RESULT,),
    parent="search_space",
    position=66,
    values=values,
    caveats=caveats,
)
