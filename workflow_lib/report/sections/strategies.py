"""Section that compares search strategies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.comparison_tables import COMPARISON_RESULT
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.text_table import TextTable, make_table

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def comparison(content: ReportContent) -> TextTable:
    """Tabulate what each search strategy would have found in the grid."""
    import pandas as pd

    from workflow_lib.report.tables import comparison_table

    frame = comparison_table(content[COMPARISON_RESULT])

    def spread(name: str, digits: int = 1) -> list[str]:
        pairs = zip(frame[name], frame[f"{name}_std"], strict=True)
        return [f"{mean:.{digits}f}" + ("" if pd.isna(std) else f" ± {std:.{digits}f}") for mean, std in pairs]

    return make_table(
        {
            "Strategy": frame["strategy"],
            "Searches": frame["searches"],
            "Trained": [f"{value:.0f}" for value in frame["trained"]],
            "Training (hours)": spread("training_hours", 2),
            "Front recall (%)": spread("recall_pct"),
            "Hypervolume (% of the true front's)": spread("hypervolume_pct"),
        },
        texts=1,
    )


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "comparison": comparison(content),
    }


SECTION = SectionDeclaration(
    title="Comparison of search strategies",
    reads=(COMPARISON_RESULT,),
    parent="search_space",
    position=64,
    values=values,
)
