"""Section on the Pareto front."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.names import column_format
from workflow_lib.report.text_table import TextTable, make_table, scores_columns
from workflow_lib.spaces.networks import parse

if TYPE_CHECKING:
    import pandas as pd

    from workflow_lib.report.content import ReportContent


def network_choices(ranked: pd.DataFrame, candidates: Iterable[str]) -> dict[str, list[str]]:
    """List the values of the search space's choices for candidates.

    Args:
        ranked: table FRONT.
        candidates: names of the candidates.

    Returns:
        Title of a choice -> its value for each candidate.
    """
    ids = ranked.set_index("candidate")["architecture"]
    rows = [parse(ids[name]).dimensions() for name in candidates]
    titles = dict.fromkeys(title for row in rows for title in row)
    return {title.capitalize(): [str(row.get(title, "")) for row in rows] for title in titles}


def front(content: ReportContent) -> TextTable:
    """Tabulate the front (CROSS table 4)."""
    from workflow_lib.report.tables import front_table

    frame = front_table(content[RANKED_RESULT], content.config.front.objectives)
    names = list(frame.columns)
    scores = names[names.index("batch") + 1 : names.index("kernel_size")]
    return make_table(
        {
            "#": frame["number"],
            "Candidate": frame["candidate"],
            **scores_columns(frame, scores),
            "Front frequency": [column_format("front_frequency").text(value) for value in frame["front_frequency"]],
            "Hypervolume": [f"{value:.1f} %" for value in frame["hypervolume_pct"]],
            "On the ε-front": ["yes" if flag else "no" for flag in frame["on_epsilon_front"]],
            "Channels": frame["channels"],
            **({"Recipe": frame["recipe"]} if content.config.grid.recipes else {}),
            **({"Precision": frame["precision"]} if content.config.grid.converted else {}),
            "Batch": frame["batch"],
            **network_choices(content[RANKED_RESULT], frame["candidate"]),
        },
        texts=2,
        marked=0,
    )


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "front": front(content),
        "objectives": [column_format(objective.name).title for objective in content.config.front.objectives],
        "interactive_front": content.interactive_front,
    }


SECTION = SectionDeclaration(
    title="Pareto front",
    reads=(RANKED_RESULT,),
    position=10,
    values=values,
)
