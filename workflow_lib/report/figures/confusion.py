"""Figure of the recommended model's confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.prediction_tables import ASSESSED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.prediction_plots import confusion

    return confusion(figure_input[ASSESSED_RESULT], figure_input.settings["data.classes"])


FIGURE = FigureDeclaration(
    title="Confusion matrix",
    caption="Validation chips of all folds by given and predicted class, for the recommended model. Percentages are "
    "shares of the given class.",
    section="predictions",
    draw=draw,
    reads=(ASSESSED_RESULT,),
    settings=("data.classes",),
    position=1,
)
