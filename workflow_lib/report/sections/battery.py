"""Section on battery life."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.battery_tables import BATTERY_RESULT
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.names import MISSING
from workflow_lib.report.text_table import TextTable, make_table
from workflow_lib.search.supernet_tables import PACKED_RESULT

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def battery(content: ReportContent) -> TextTable:
    """Tabulate how long one charge lasts with each policy (PRP figure 8)."""
    groups = [group for _, group in content[BATTERY_RESULT].groupby(["channels", "policy"], sort=False)]
    correct = [(group["accuracy_pct"] * group["inferences"]).sum() / 100 for group in groups]
    totals = [group["inferences"].sum() for group in groups]
    return make_table(
        {
            "Channels": [group["channels"].iloc[0] for group in groups],
            "Policy": [group["policy"].iloc[0] for group in groups],
            "Networks in order of use": [", ".join(group["architecture"]) for group in groups],
            "Switched after (hours)": [
                ", ".join(f"{hours:.1f}" for hours in group["end_h"].iloc[:-1]) or MISSING for group in groups
            ],
            "Battery life (hours)": [f"{group['end_h'].iloc[-1]:.1f}" for group in groups],
            "Charge left (%)": [f"{group['end_pct'].iloc[-1]:.0f}" for group in groups],
            "Inferences": [f"{count:,}" for count in totals],
            "Accuracy (%)": [f"{100 * good / max(1, count):.1f}" for good, count in zip(correct, totals, strict=True)],
            "Correct inferences": [f"{good:,.0f}" for good in correct],
        },
        texts=3,
    )


def packed(content: ReportContent) -> TextTable:
    """Tabulate the accuracy of the packed networks with shared weights, and their file sizes."""
    frame = content[PACKED_RESULT]
    return make_table(
        {
            "Channels": frame["channels"],
            "Network": frame["architecture"],
            "Accuracy with shared weights (%)": [f"{value:.1f}" for value in frame["accuracy_pct"]],
            "Separate file (MB)": [f"{value / 1e6:.1f}" for value in frame["own_bytes"]],
            "Shared file of all networks (MB)": [f"{value / 1e6:.1f}" for value in frame["shared_bytes"]],
        },
        texts=2,
    )


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "battery": battery(content),
        "packed": None if content.get(PACKED_RESULT) is None else packed(content),
    }


SECTION = SectionDeclaration(
    title="Battery life",
    reads=(BATTERY_RESULT,),
    optional=(PACKED_RESULT,),
    position=80,
    values=values,
    version=2,
)
