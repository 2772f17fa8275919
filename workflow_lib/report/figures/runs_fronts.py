"""Figure of the fronts of several runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.comparison_tables import RUN_CANDIDATES_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.comparison_plots import runs_fronts

    return runs_fronts(figure_input[RUN_CANDIDATES_RESULT], figure_input.objectives)


FIGURE = FigureDeclaration(
    title="The fronts of several runs",
    caption="Candidates of this run and of other runs on the same chips and folds, and their combined front.",
    section="runs",
    draw=draw,
    reads=(RUN_CANDIDATES_RESULT,),
    settings=("front.objectives",),
    position=1,
)
