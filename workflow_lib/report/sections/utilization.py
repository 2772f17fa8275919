"""Section on the utilization of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.text_table import TextTable, make_table
from workflow_lib.training.utilization_tables import UTILIZATIONS_RESULT

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def utilization(content: ReportContent) -> TextTable:
    """Tabulate the utilization of the front members, and whether each is on all fronts of two metrics."""
    from workflow_lib.analysis.utilization_pairs import on_all_fronts, with_utilization
    from workflow_lib.report.tables import front_members

    members = front_members(content[RANKED_RESULT], content.config.front.objectives)
    joined = with_utilization(content[RANKED_RESULT], content[UTILIZATIONS_RESULT]).set_index("candidate")
    frame = joined.loc[members["candidate"]]
    everywhere = on_all_fronts(joined).loc[members["candidate"]]
    ratio = frame["peak_flops_per_s"] / frame["bandwidth_bytes_per_s"]
    return make_table(
        {
            "#": members.index,
            "Candidate": members["candidate"],
            "Throughput (images/s)": [f"{value:,.1f}" for value in frame["images_per_s"]],
            "Batch": frame["batch_images"],
            "Utilization (%)": [f"{value:.1f}" for value in frame["utilization_pct"]],
            "Intensity (FLOP/B)": [f"{value:,.1f}" for value in frame["intensity"]],
            "Machine's peak/bandwidth (FLOP/B)": [f"{value:,.1f}" for value in ratio],
            "FLOPs in memory-bound layers (%)": [f"{value:.1f}" for value in frame["memory_bound_pct"]],
            "On all three fronts": ["yes" if flag else "no" for flag in everywhere],
        },
        texts=2,
        marked=0,
    )


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "utilization": utilization(content),
    }


SECTION = SectionDeclaration(
    title="Utilization",
    reads=(
        RANKED_RESULT,
        UTILIZATIONS_RESULT,
    ),
    position=50,
    values=values,
)
