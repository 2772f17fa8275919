"""The front of each search strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.analysis.comparison_tables import COMPARISON_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(given: FigureInput) -> Figure:
    """Draw it."""
    from workflow_lib.report.plots.comparison_plots import comparison_fronts

    ranked = given[RANKED_RESULT]
    return comparison_fronts(ranked[~ranked["baseline"]], given[COMPARISON_RESULT], given.objectives)


FIGURE = FigureDeclaration(
    title="The front of each search strategy",
    caption="What each strategy trained with the same budget, first search, beside the true front of these two "
    "objectives. The worst twentieth by the first of them is outside the frame.",
    section="strategies",
    draw=draw,
    reads=(
        RANKED_RESULT,
        COMPARISON_RESULT,
    ),
    settings=("front.objectives",),
    position=2,
)
