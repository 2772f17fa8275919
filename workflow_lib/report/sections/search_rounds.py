"""Section on the rounds of the search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.core.candidate import KEYS
from workflow_lib.report import words
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.names import column_format, searched_from
from workflow_lib.report.text_table import TextTable, make_table
from workflow_lib.search.proposal_tables import PROPOSALS_RESULT

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def search(content: ReportContent) -> TextTable:
    """Tabulate the results of each round of the search."""
    from workflow_lib.report.tables import search_table

    frame = search_table(content)
    return make_table(
        {
            "Round": frame["round"] + 1,
            "Proposed": frame["proposed"],
            "Best accuracy so far (%)": [
                column_format("accuracy_pct").number(value) for value in frame["accuracy_pct"]
            ],
            "Of these, on the front": frame["on_front"],
        },
        texts=0,
    )


def caveats(content: ReportContent) -> list[str]:
    """List the limitations that a reader must know before relying on the numbers."""
    chosen, proposals = content.config.search.strategy, content[PROPOSALS_RESULT].drop_duplicates(KEYS)
    covered = "those that were trained to the end" if words.trains_partly(content.config) else "these"
    return [
        f"The search ({chosen}) chose {len(proposals):,} of {searched_from(content.config)}; the front covers only "
        f"{covered}, and other candidates may be better."
    ]


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "search": search(content),
        "searched_from": searched_from(content.config),
    }


SECTION = SectionDeclaration(
    title="Search rounds",
    reads=(
        PROPOSALS_RESULT,
        RANKED_RESULT,
    ),
    parent="search_space",
    position=61,
    values=values,
    caveats=caveats,
)
