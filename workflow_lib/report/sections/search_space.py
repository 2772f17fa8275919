"""Section on the search space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.core.candidate import KEYS
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.text_table import TextTable, make_table, scores_columns

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def ranges(content: ReportContent) -> TextTable:
    """Tabulate the range of each objective (CROSS table 3)."""
    from workflow_lib.report.tables import ranges_table

    frame = ranges_table(content[RANKED_RESULT], content.config.front.objectives)
    return make_table({"Bound": frame["bound"], **scores_columns(frame, list(frame.columns[1:]))}, texts=1)


def baselines(content: ReportContent) -> TextTable:
    """Tabulate the baselines (CROSS table 5)."""
    from workflow_lib.report.tables import baseline_table

    frame = baseline_table(content[RANKED_RESULT], content.config.front.objectives)
    texts = {"Candidate": frame["candidate"], "Channels": frame["channels"]}
    grid = content.config.grid
    texts |= {"Recipe": frame["recipe"]} if grid.recipes else {}
    texts |= {"Precision": frame["precision"]} if grid.converted else {}
    scores = scores_columns(frame, list(frame.columns[1 + len(KEYS) :]))
    return make_table({**texts, "Batch": frame["batch"], **scores}, texts=len(texts))


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "ranges": ranges(content),
        "baselines": baselines(content),
    }


SECTION = SectionDeclaration(
    title="Search space",
    reads=(RANKED_RESULT,),
    position=60,
    values=values,
)
