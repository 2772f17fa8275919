"""Figure of the recommended model's reliability: whether its probabilities mean what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.prediction_tables import ASSESSED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.prediction_plots import reliability_diagram

    return reliability_diagram(figure_input[ASSESSED_RESULT], figure_input.settings["data.classes"])


FIGURE = FigureDeclaration(
    title="Reliability",
    caption="Accuracy of the recommended model over its confidence, in 15 bins (those with at least 5 chips). Below "
    "the dotted line, the model is too confident. Each part of the chips is calibrated with the temperature that fits "
    "the other parts.",
    section="predictions",
    draw=draw,
    reads=(ASSESSED_RESULT,),
    settings=("data.classes",),
    position=3,
)
