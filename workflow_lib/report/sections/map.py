"""Section on the maps made by the recommended model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.field.field_tables import DRIFT_RESULT, MAP_SCORES_RESULT
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.names import MISSING
from workflow_lib.report.text_table import TextTable, make_table

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def map_scores(content: ReportContent) -> TextTable:
    """Tabulate precision and recall of each area at the applied threshold."""
    import pandas as pd

    frame = content[MAP_SCORES_RESULT]
    used = frame.loc[frame.groupby("area", sort=False)["threshold"].idxmin()] if len(frame) else frame

    def share(name: str) -> list[str]:
        parts = zip(used[f"{name}_pct"], used[f"{name}_low_pct"], used[f"{name}_high_pct"], strict=True)
        return [f"{value:.1f} ({low:.1f} to {high:.1f})" if pd.notna(value) else MISSING for value, low, high in parts]

    return make_table(
        {
            "Area": used["area"],
            "Threshold": [f"{value:g}" for value in used["threshold"]],
            "Detections": used["found"],
            "Hits": used["hits"],
            "True places": used["true_places"],
            "True places not covered": used["uncovered"],
            "Precision (%)": share("precision"),
            "Recall (%)": share("recall"),
            "F1 (%)": [f"{value:.1f}" if pd.notna(value) else MISSING for value in used["f1_pct"]],
        },
        texts=1,
    )


def drift_sentence(content: ReportContent) -> str:
    """Say in which bands the scenes differ from the training chips."""
    frame = content[DRIFT_RESULT]
    moved = frame[frame["psi"] > frame["psi_limit"]]
    if moved.empty:
        return "In all areas, the values of all bands are distributed as in a training region."
    places = [f"{', '.join(rows['band'])} in {area}" for area, rows in moved.groupby("area", sort=False)]
    return (
        f"The values are distributed differently than in all training regions for {'; '.join(places)}. Accuracy there "
        "may differ from that on the validation chips: check some detections by eye."
    )


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "map_scores": map_scores(content),
        "drift": drift_sentence(content),
    }


SECTION = SectionDeclaration(
    title="Map",
    reads=(MAP_SCORES_RESULT, DRIFT_RESULT),
    position=100,
    values=values,
)
