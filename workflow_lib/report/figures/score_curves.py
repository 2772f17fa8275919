"""Figure of the recommended model's ROC and precision-recall curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.prediction_tables import ASSESSED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.prediction_plots import score_curves

    return score_curves(figure_input[ASSESSED_RESULT], figure_input.settings["data.classes"])


FIGURE = FigureDeclaration(
    title="ROC and precision-recall curves",
    caption="The recommended model over all thresholds of its probability, on the validation chips of all folds. "
    "Dotted lines show a classifier that guesses.",
    section="predictions",
    draw=draw,
    reads=(ASSESSED_RESULT,),
    settings=("data.classes",),
    position=2,
)
