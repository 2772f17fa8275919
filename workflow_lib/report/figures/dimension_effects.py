"""Figure of the effects of the search space's choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.dimension_plots import dimension_effects

    return dimension_effects(figure_input[RANKED_RESULT], figure_input.objectives)


FIGURE = FigureDeclaration(
    title="Effects of the choices of the search space",
    caption="Effect of each choice of the search space on each objective. Each point is a candidate; the front is "
    "blue. Boxes span the quartiles, and the orange line is the median.",
    section="search_space",
    draw=draw,
    reads=(RANKED_RESULT,),
    settings=("front.objectives",),
    position=1,
)
