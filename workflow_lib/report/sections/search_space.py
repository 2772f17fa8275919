"""Section on the search space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.analysis.choice_tables import CHOICES_RESULT
from workflow_lib.core.candidate import KEYS
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.text_table import TextTable, make_table, scores_columns

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def ranges(content: ReportContent) -> TextTable:
    """Tabulate the range of each objective (CROSS table 3)."""
    from workflow_lib.report.tables import ranges_table

    frame = ranges_table(content[RANKED_RESULT], content.config.front.objectives)
    return make_table({"Bound": frame["bound"], **scores_columns(frame, list(frame.columns[1:]))}, texts=1)


def baselines(content: ReportContent) -> TextTable:
    """Tabulate the baselines (CROSS table 5)."""
    from workflow_lib.report.tables import baseline_table

    frame = baseline_table(content[RANKED_RESULT], content.config.front.objectives)
    texts = {"Candidate": frame["candidate"], "Channels": frame["channels"]}
    grid = content.config.grid
    texts |= {"Recipe": frame["recipe"]} if grid.recipes else {}
    texts |= {"Precision": frame["precision"]} if grid.converted else {}
    scores = scores_columns(frame, list(frame.columns[1 + len(KEYS) :]))
    return make_table({**texts, "Batch": frame["batch"], **scores}, texts=len(texts))


def choices(content: ReportContent) -> dict[str, Any]:
    """Tell what the front needs of the search space, as CROSS does for the padding."""
    from workflow_lib.analysis.choices import describe_choices, suggestion_text

    if not CHOICES_RESULT.when(content.config):
        return {"needs": [], "choices": None, "suggestion": ""}
    frame, grid = content[CHOICES_RESULT], content.config.grid
    if frame.empty:
        return {"needs": describe_choices(frame), "choices": None, "suggestion": ""}
    intervals = zip(frame["front_low_pct"], frame["front_high_pct"], strict=True)
    table = make_table(
        {
            "Choice": frame["dimension"],
            "Value": frame["value"],
            "Candidates": frame["candidates"],
            "On the front": frame["on_front"],
            "Share (%)": [f"{share:.1f}" for share in frame["front_pct"]],
            "95 % interval": [f"{low:.1f} to {high:.1f}" for low, high in intervals],
            "On the front in resamples (%)": [f"{share:.0f}" for share in frame["resamples_pct"]],
            "Hypervolume lost without it (%)": [f"{share:.2f}" for share in frame["hypervolume_lost_pct"]],
            "Trainings saved without it": [f"{count:,}" for count in frame["trainings"]],
        },
        texts=2,
    )
    droppable = not frame["needed"].all()
    suggestion = suggestion_text(frame, grid.space, grid.channel_sets, grid.recipes) if droppable else ""
    return {"needs": describe_choices(frame), "choices": table, "suggestion": suggestion}


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "ranges": ranges(content),
        "baselines": baselines(content),
        **choices(content),
    }


SECTION = SectionDeclaration(
    title="Search space",
    reads=(RANKED_RESULT,),
    optional=(CHOICES_RESULT,),
    version=2,
    position=60,
    values=values,
)
