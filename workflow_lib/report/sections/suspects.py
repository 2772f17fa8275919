"""Section on chips with doubtful labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workflow_lib.analysis.prediction_tables import SUSPECTS_RESULT
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.text_table import TextTable, make_table

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent

SHOWN = 24


def suspects(content: ReportContent) -> TextTable:
    """Tabulate the most doubtful chips."""
    frame = content[SUSPECTS_RESULT].sort_values("rank").head(SHOWN)
    return make_table(
        {
            "#": frame["rank"],
            "File": frame["file"],
            "Region": frame["region"],
            "Given class": frame["class"],
            "Suggested class": frame["suggested"],
            "Likely wrong": ["yes" if likely else "no" for likely in frame["likely_error"]],
            "Centre (CRS unit)": [f"{x:.6g}, {y:.7g}" for x, y in zip(frame["x"], frame["y"], strict=True)],
            "Probability of the given class (%)": [f"{value:.1f}" for value in frame["given_probability_pct"]],
            "Good candidates that disagree (%)": [f"{value:.0f}" for value in frame["wrong_pct"]],
        },
        texts=7,
    )


def sentences(content: ReportContent) -> Sequence[str]:
    """Say how many labels are doubtful, and who judges."""
    frame = content[SUSPECTS_RESULT]
    likely = int(frame["likely_error"].sum())
    unanimous = int((frame["wrong_pct"] >= 90).sum())
    return [
        f"The more accurate half of the candidates judge chips that they were not trained on. For {likely:,} of the "
        f"{len(frame):,} validation chips, confident learning counts the label as wrong (Northcutt, Jiang and Chuang "
        f"2021); at least 90 % of these candidates misclassify {unanimous:,} chips. Such a chip has a wrong label, or "
        "it is hard. Look at the pictures and correct the labels before you trust differences between candidates. "
        "The file suspects.csv lists all chips, the most doubtful first."
    ]


SECTION = SectionDeclaration(
    title="Chips with doubtful labels",
    reads=(SUSPECTS_RESULT,),
    parent="predictions",
    position=33,
    values=lambda content: {"sentences": sentences(content), "suspects": suspects(content)},
)
