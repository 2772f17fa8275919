"""Figure of the front found by each search strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.analysis.comparison_tables import COMPARISON_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.comparison_plots import comparison_fronts

    ranked = figure_input[RANKED_RESULT]
    return comparison_fronts(ranked[~ranked["baseline"]], figure_input[COMPARISON_RESULT], figure_input.objectives)


FIGURE = FigureDeclaration(
    title="Front found by each search strategy",
    caption="Candidates that each strategy trained in its first search with the same budget, and the true front of "
    "these two objectives. The worst 5 % in the first objective are outside the frame.",
    section="strategies",
    draw=draw,
    reads=(
        RANKED_RESULT,
        COMPARISON_RESULT,
    ),
    settings=("front.objectives",),
    position=2,
)
