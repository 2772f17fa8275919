"""Figure of a surrogate search: predicted and measured accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.report.declaration import FigureDeclaration, FigureInput
from workflow_lib.search.surrogate_tables import BELIEFS_RESULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.surrogate_plots import predicted_accuracies

    return predicted_accuracies(figure_input[BELIEFS_RESULT])


FIGURE = FigureDeclaration(
    title="Predicted and measured accuracy",
    caption="Each trained candidate, predicted from all others. The bars are one standard deviation; about two thirds "
    "should cross the dashed line. Very low accuracies are raised before the model is fitted, so they lie below it.",
    section="surrogate",
    draw=draw,
    reads=(BELIEFS_RESULT,),
    position=1,
)
