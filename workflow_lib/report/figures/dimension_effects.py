"""Effects of the choices of the search space."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(given: FigureInput) -> Figure:
    """Draw it."""
    from workflow_lib.report.plots.dimension_plots import dimension_effects

    return dimension_effects(given[RANKED_RESULT], given.objectives)


FIGURE = FigureDeclaration(
    title="Effects of the choices of the search space",
    caption="How the choices of the search space move each objective: one point per candidate, the front in blue. "
    "Boxes span the quartiles, the orange line is the median.",
    section="search_space",
    draw=draw,
    reads=(RANKED_RESULT,),
    settings=("front.objectives",),
    position=1,
)
