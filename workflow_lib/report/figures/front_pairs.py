"""Figure of every pair of objectives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.front_pair_plots import front_pairs

    return front_pairs(figure_input[RANKED_RESULT], figure_input.objectives)


FIGURE = FigureDeclaration(
    title="Every pair of objectives",
    caption="Every pair of objectives. The dashed line is the front of only that pair. Bars are 95 % intervals of the "
    "accuracy of front members. Numbers refer to the front table and are shown where there is room.",
    section="answer",
    draw=draw,
    reads=(RANKED_RESULT,),
    settings=("front.objectives",),
    position=1,
)
