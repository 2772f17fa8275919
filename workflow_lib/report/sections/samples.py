"""Section on the chips that were cut from scenes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.data.chip_tables import SAMPLES_RESULT
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.text_table import TextTable, make_table

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def samples(content: ReportContent) -> TextTable:
    """Tabulate the chips cut from scenes per region and class."""
    frame = content[SAMPLES_RESULT]
    counts = frame.assign(kept=frame["reason"].isna(), drawn=frame["drawn"].astype(bool)).groupby(
        ["region", "class"], sort=False
    )
    table = counts.agg(kept=("kept", "sum"), drawn=("drawn", "sum"), lost=("kept", lambda kept: (~kept).sum()))
    return make_table(
        {
            "Region": table.index.get_level_values("region"),
            "Class": table.index.get_level_values("class"),
            "Chips": table["kept"],
            "Of these, drawn at random": table["drawn"],
            "Points without a chip": table["lost"],
        },
        texts=2,
    )


def no_chips(content: ReportContent) -> TextTable:
    """Tabulate the points that yield no chip, and why."""
    frame = content[SAMPLES_RESULT]
    lost = frame[frame["reason"].notna()]
    return make_table(
        {
            "Region": lost["region"],
            "Point": [str(number + 1) for number in lost["sample"]],
            "Class": lost["class"],
            "Reason": lost["reason"],
        },
        texts=4,
    )


def caveats(content: ReportContent) -> list[str]:
    """List the limitations that a reader must know before relying on the numbers."""
    dropped = int(content[SAMPLES_RESULT]["reason"].notna().sum())
    return [f"{dropped:,} labelled points have no chip; see the data section."] if dropped else []


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "samples": samples(content),
        "no_chips": no_chips(content),
    }


SECTION = SectionDeclaration(
    title="Chips cut from scenes",
    reads=(SAMPLES_RESULT,),
    parent="data",
    position=111,
    values=values,
    caveats=caveats,
)
