"""Figure of cascades and ensembles beside the front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.analysis.prediction_tables import COMBINATIONS_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.combination_plots import combinations_plot

    return combinations_plot(figure_input[COMBINATIONS_RESULT], figure_input[RANKED_RESULT])


FIGURE = FigureDeclaration(
    title="Cascades and ensembles",
    caption="Accuracy and expected latency of every cascade and ensemble of two front members. Grey: a front member is "
    "as accurate, as fast and as small.",
    section="combinations",
    draw=draw,
    reads=(COMBINATIONS_RESULT, RANKED_RESULT),
    position=1,
)
