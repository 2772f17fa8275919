"""Figure with one radar plot per front member."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.radar_plots import front_radar

    return front_radar(figure_input[RANKED_RESULT], figure_input.objectives)


FIGURE = FigureDeclaration(
    title="Individual front members",
    caption="The individual front members. Further outward is better.",
    section="front",
    draw=draw,
    reads=(RANKED_RESULT,),
    settings=("front.objectives",),
    position=3,
)
