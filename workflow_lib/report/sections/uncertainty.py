"""Section on the uncertainty of the scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report import words
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.names import column_format
from workflow_lib.report.text_table import TextTable, make_table
from workflow_lib.training.score_tables import FOREST_RESULT, HOLDOUT_RESULT

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def regions(content: ReportContent) -> TextTable:
    """Tabulate the accuracy of each front member in each region, over all folds (percent)."""
    from workflow_lib.report.tables import front_members

    frame = front_members(content[RANKED_RESULT], content.config.front.objectives)
    accuracies = {
        f"{region} (%)": [
            column_format("accuracy_pct").number(value) for value in frame[f"region_{region}_accuracy_pct"]
        ]
        for region in sorted(content.config.data.regions)
        if f"region_{region}_accuracy_pct" in frame  # a held-out region has no accuracy
    }
    return make_table({"#": frame.index, "Candidate": frame["candidate"], **accuracies}, texts=2, marked=0)


def forest(content: ReportContent) -> TextTable:
    """Compare the reference classifier with the best network on the same channels."""
    from workflow_lib.report.tables import candidates_only
    from workflow_lib.training.fold_summary import confidence_interval

    networks = candidates_only(content[RANKED_RESULT]).groupby("channels")["accuracy_pct"].max()
    rows = []
    for channels, frame in content[FOREST_RESULT].groupby("channels", sort=False):
        accuracy = frame["accuracy_pct"].to_numpy(dtype=float)
        low, high = confidence_interval(accuracy, content[RANKED_RESULT]["validation_share"].iloc[0])  # the same folds
        interval = f"{max(low, 0):.1f} to {min(high, 100):.1f}"
        f1 = column_format("f1_pct").number(frame["f1_pct"].mean())
        auc = column_format("auc").number(frame["auc"].astype(float).mean())
        best = column_format("accuracy_pct").number(networks.get(channels))
        rows.append([str(channels), f"{accuracy.mean():.1f}", interval, f1, auc, best])
    headers = ["Channels", "Accuracy (%)", "95 % interval", "F1 (%)", "AUC", "Best network's accuracy (%)"]
    return TextTable(headers, rows, texts=1)


def holdout(content: ReportContent) -> TextTable:
    """Compare hold-out scores with those of cross-validation, in the order of the front."""
    import pandas as pd

    from workflow_lib.report.tables import front_members

    members = front_members(content[RANKED_RESULT], content.config.front.objectives)
    numbers = {candidate: number for number, candidate in members["candidate"].items()}
    known = content[RANKED_RESULT].set_index("candidate")["accuracy_pct"]
    frame = content[HOLDOUT_RESULT]
    frame = frame.assign(number=frame["candidate"].map(numbers)).sort_values("number")
    return make_table(
        {
            "#": ["" if pd.isna(number) else f"{number:.0f}" for number in frame["number"]],
            "Candidate": frame["candidate"],
            "Hold-out accuracy (%)": [f"{value:.1f}" for value in frame["accuracy_pct"]],
            f"{words.terms(content.config).accuracy.capitalize()} accuracy (%)": [
                column_format("accuracy_pct").number(known.get(name)) for name in frame["candidate"]
            ],
            "Hold-out F1 (%)": [f"{value:.1f}" for value in frame["f1_pct"]],
            "Hold-out AUC": [column_format("auc").number(value) for value in frame["auc"]],
            "Chips": [f"{count:,}" for count in frame["validation_chips"]],
        },
        texts=2,
    )


def has_holdout(content: ReportContent) -> bool:
    """Whether there are hold-out scores."""
    holdout = content.get(HOLDOUT_RESULT)
    return holdout is not None and not holdout.empty


def caveats(content: ReportContent) -> list[str]:
    """List the limitations that a reader must know before relying on the numbers."""
    config, notes = content.config, []
    if not has_holdout(content):
        notes.append(
            f"There is no hold-out. The recommended model was chosen among {content.candidate_count:,} candidates on "
            "the same chips that score it, so its accuracy is optimistically biased."
        )
    if config.folds.same_split:
        notes.append(
            f"Every candidate was trained {config.folds.count} times on one split, from different seeds. The "
            "intervals cover the variation over seeds, but not over chips."
        )
    else:
        notes.append(
            f"Every candidate was trained once per fold, from a seed derived from {config.seed}. The intervals cover "
            "the variation over folds, but not over seeds."
        )
    if not config.folds.spatial:
        notes.append(
            "Chips were divided without regard to location. Overlapping or adjacent chips can be on both sides of a "
            "fold, which inflates every accuracy. Set folds.method to spatial_block or region to avoid this."
        )
    candidates = content[RANKED_RESULT][~content[RANKED_RESULT]["baseline"].astype(bool)]
    if undefined := int(candidates["auc"].isna().sum()):
        notes.append(
            f"The AUC of {undefined:,} of {len(candidates):,} candidates is undefined: a fold has only one class."
        )
    return notes + words.selection_notes(config)


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    from workflow_lib.report.recommendation import forest_verdict

    return {
        "has_holdout": has_holdout(content),
        "holdout": holdout(content) if has_holdout(content) else None,
        "regions": regions(content),
        "forest": forest(content),
        "forest_verdict": forest_verdict(content),
        "candidates": content.candidate_count,
        "terms": words.terms(content.config),
        "same_split": content.config.folds.same_split,
    }


SECTION = SectionDeclaration(
    title="Uncertainty",
    reads=(
        RANKED_RESULT,
        FOREST_RESULT,
    ),
    optional=(HOLDOUT_RESULT,),
    position=30,
    values=values,
    caveats=caveats,
)
