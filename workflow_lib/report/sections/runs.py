"""Section that compares this run with others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.comparison_tables import RUNS_RESULT
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.text_table import TextTable, make_table

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def runs(content: ReportContent) -> TextTable:
    """Tabulate how much of the combined front each run found, and at what cost."""
    frame = content[RUNS_RESULT]
    return make_table(
        {
            "Run": frame["run"],
            "Candidates": [f"{count:,}" for count in frame["candidates"]],
            "Trainings": [f"{count:,}" for count in frame["trainings"]],
            "Training (core-hours)": [f"{hours:.2f}" for hours in frame["training_hours"]],
            "Search (core-hours)": [f"{hours:.2f}" for hours in frame["search_hours"]],
            "Best accuracy (%)": [f"{value:.1f}" for value in frame["accuracy_pct"]],
            "Front recall (%)": [f"{value:.0f}" for value in frame["recall_pct"]],
            "Hypervolume (% of the combined front's)": [f"{value:.1f}" for value in frame["hypervolume_pct"]],
        },
        texts=1,
    )


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "runs": runs(content),
    }


SECTION = SectionDeclaration(
    title="Comparison with other runs",
    reads=(RUNS_RESULT,),
    parent="search_space",
    position=63,
    values=values,
)
