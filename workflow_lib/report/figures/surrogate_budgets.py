"""Figure of a surrogate search: the most accurate candidate within each budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput
from workflow_lib.search.surrogate_tables import WITHIN_BUDGETS_RESULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.surrogate_plots import best_within_budgets

    return best_within_budgets(figure_input[WITHIN_BUDGETS_RESULT], figure_input[RANKED_RESULT])


FIGURE = FigureDeclaration(
    title="Most accurate candidate within each budget",
    caption="Measured accuracy of all trained candidates over each limited cost. Each dashed line is a budget; the dot "
    "of its colour is the candidate that is believed to be the most accurate one within it.",
    section="surrogate",
    draw=draw,
    reads=(WITHIN_BUDGETS_RESULT, RANKED_RESULT),
    position=0,
)
