"""Figure of the front in three dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.front_3d_plots import front_3d

    return front_3d(figure_input[RANKED_RESULT], figure_input.objectives)


FIGURE = FigureDeclaration(
    title="The front in three dimensions",
    caption="All candidates and the front. Vertical lines connect the front members with the ground plane.",
    section="front",
    draw=draw,
    reads=(RANKED_RESULT,),
    settings=("front.objectives",),
    position=2,
)
