"""Figure of the error over the share of chips that the recommended model decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.prediction_tables import ASSESSED_RESULT, SELECTION_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.prediction_plots import selection_curve

    [recommended] = figure_input[ASSESSED_RESULT]["candidate"].unique()
    return selection_curve(figure_input[SELECTION_RESULT], recommended)


FIGURE = FigureDeclaration(
    title="Abstention",
    caption="Error of the recommended model on the validation chips that it decides, if it abstains below a "
    "probability (numbers at the points). The error is within the band with 95 % confidence, for all thresholds at "
    "once; map.max_error_pct chooses a threshold by the upper end. Grey lines are the other candidates.",
    section="predictions",
    draw=draw,
    reads=(ASSESSED_RESULT, SELECTION_RESULT),
    position=4,
)
