"""Figure of accuracy against utilization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput
from workflow_lib.training.utilization_tables import UTILIZATIONS_RESULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.utilization_plots import utilization_accuracy

    return utilization_accuracy(figure_input[RANKED_RESULT], figure_input[UTILIZATIONS_RESULT])


FIGURE = FigureDeclaration(
    title="Accuracy against utilization",
    caption="Accuracy against utilization, with their rank correlation.",
    section="utilization",
    draw=draw,
    reads=(
        RANKED_RESULT,
        UTILIZATIONS_RESULT,
    ),
    position=3,
)
