"""Section on the chips and folds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.data.chip_tables import BANDS_RESULT, CHIPS_RESULT, FOLDS_RESULT, NOTICES_RESULT, REJECTED_RESULT
from workflow_lib.data.scene_paths import landscape
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.text_table import TextTable, make_table

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def counts(content: ReportContent) -> TextTable:
    """Tabulate the chips per region and class (CROSS table 1)."""
    from workflow_lib.report.tables import region_counts

    frame = region_counts(content[CHIPS_RESULT], content.config.data.classes)
    classes = content.config.data.classes
    columns = {f"Class {label}": [f"{count:,}" for count in frame[label]] for label in classes}
    totals = [f"{count:,}" for count in frame["total"]]
    return make_table({"Region": frame["region"], **columns, "Total": totals}, texts=1)


def bands(content: ReportContent) -> TextTable:
    """Tabulate value ranges and nodata of each band in each region."""
    frame = content[BANDS_RESULT]
    numbers = {
        title: [f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}" for value in frame[name]]
        for title, name in (("Minimum", "minimum"), ("Mean", "mean"), ("Maximum", "maximum"))
    }
    nodata = [f"{share:.2f} %" for share in frame["nodata_pct"]]
    chips = [f"{count:,}" for count in frame["chips_with_nodata"]]
    return make_table(
        {
            "Region": frame["region"],
            "Band": frame["band"],
            **numbers,
            "Nodata pixels": nodata,
            "Chips with nodata": chips,
        },
        texts=2,
    )


def rejected(content: ReportContent) -> TextTable:
    """Tabulate the chips that are not used, with the reasons."""
    frame = content[REJECTED_RESULT]
    return make_table({"Region": frame["region"], "File": frame["file"], "Reason": frame["reason"]}, texts=3)


def notices(content: ReportContent) -> TextTable:
    """Tabulate what the import did not use or found unusual."""
    frame = content[NOTICES_RESULT]
    return make_table(
        {"Region": frame["region"], "Count": frame["count"], "Notice": frame["what"], "Example": frame["example"]},
        texts=4,
    )


def fold_sizes(content: ReportContent) -> TextTable:
    """Tabulate the chips per role in each fold."""
    import pandas as pd

    folds = content[FOLDS_RESULT]
    frame = pd.crosstab(folds["fold"], folds["role"]).reindex(columns=list(ROLES), fill_value=0)
    shown = {role: title for role, title in ROLES.items() if role != "set_aside" or frame[role].any()}
    columns = {title: [f"{count:,}" for count in frame[role]] for role, title in shown.items()}
    return make_table({"Fold": frame.index, **columns}, texts=0)


ROLES = {
    "training": "Training",
    "set_aside": "Set aside",
    "validation": "Validation",
    "buffer": "Excluded (buffer)",
    "holdout": "Hold-out",
}
"""Role in a fold -> table heading."""


def caveats(content: ReportContent) -> list[str]:
    """List the limitations that a reader must know before relying on the numbers."""
    config, notes = content.config, []
    if config.data.generate or landscape(config):
        notes.append("The chips are synthetic. The results do not show how a network would perform on real chips.")
    if config.data.normalisation == "per_column":
        notes.append("Each image column was scaled separately, as in CROSS's code, so relief across columns is lost.")
    if rejected_count := len(content[REJECTED_RESULT]):
        notes.append(f"{rejected_count:,} chips were rejected and belong to no fold; see the data section.")
    for what, count in content[NOTICES_RESULT].groupby("what", sort=False)["count"].sum().items():
        notes.append(f"{count:,} {what}; see the data section.")
    return notes


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "counts": counts(content),
        "notices": notices(content),
        "rejected": rejected(content),
        "rejected_count": len(content[REJECTED_RESULT]),
        "bands": bands(content),
        "folds": fold_sizes(content),
    }


SECTION = SectionDeclaration(
    title="Data",
    reads=(
        CHIPS_RESULT,
        BANDS_RESULT,
        REJECTED_RESULT,
        NOTICES_RESULT,
        FOLDS_RESULT,
    ),
    position=110,
    values=values,
    caveats=caveats,
)
