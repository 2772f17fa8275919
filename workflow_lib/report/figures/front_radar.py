"""The members of the front one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(given: FigureInput) -> Figure:
    """Draw it."""
    from workflow_lib.report.plots.radar_plots import front_radar

    return front_radar(given[RANKED_RESULT], given.objectives)


FIGURE = FigureDeclaration(
    title="The members of the front one by one",
    caption="The front's members one by one. Outward is better.",
    section="front",
    draw=draw,
    reads=(RANKED_RESULT,),
    settings=("front.objectives",),
    position=3,
)
