"""Networks on a battery."""

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
    """How long one charge lasts, by policy (PRP figure 8)."""
    groups = [group for _, group in content[BATTERY_RESULT].groupby(["channels", "policy"], sort=False)]
    right = [(group["accuracy_pct"] * group["inferences"]).sum() / 100 for group in groups]
    done = [group["inferences"].sum() for group in groups]
    return make_table(
        {
            "Channels": [group["channels"].iloc[0] for group in groups],
            "Policy": [group["policy"].iloc[0] for group in groups],
            "Networks in turn": [", ".join(group["architecture"]) for group in groups],
            "Switched after (hours)": [
                ", ".join(f"{hours:.1f}" for hours in group["end_h"].iloc[:-1]) or MISSING for group in groups
            ],
            "Lasts (hours)": [f"{group['end_h'].iloc[-1]:.1f}" for group in groups],
            "Charge left (%)": [f"{group['end_pct'].iloc[-1]:.0f}" for group in groups],
            "Inferences": [f"{count:,}" for count in done],
            "Accuracy (%)": [f"{100 * good / max(1, count):.1f}" for good, count in zip(right, done, strict=True)],
            "Correct inferences": [f"{good:,.0f}" for good in right],
        },
        texts=3,
    )


def packed(content: ReportContent) -> TextTable:
    """What the networks of the packed file reach by their shared weights."""
    frame = content[PACKED_RESULT]
    return make_table(
        {
            "Channels": frame["channels"],
            "Network": frame["architecture"],
            "Accuracy by shared weights (%)": [f"{value:.1f}" for value in frame["accuracy_pct"]],
            "Alone (MB)": [f"{value / 1e6:.1f}" for value in frame["own_bytes"]],
            "All in one file (MB)": [f"{value / 1e6:.1f}" for value in frame["shared_bytes"]],
        },
        texts=2,
    )


def values(content: ReportContent) -> Mapping[str, Any]:
    """What the template sees."""
    return {
        "battery": battery(content),
        "packed": None if content.get(PACKED_RESULT) is None else packed(content),
    }


SECTION = SectionDeclaration(
    title="On a battery",
    reads=(BATTERY_RESULT,),
    optional=(PACKED_RESULT,),
    position=80,
    values=values,
    version=2,
)
