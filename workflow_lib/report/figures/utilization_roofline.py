"""Figure of this machine's roofline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput
from workflow_lib.training.utilization_tables import LAYERS_RESULT, UTILIZATIONS_RESULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.utilization_plots import utilization_roofline

    return utilization_roofline(
        figure_input[RANKED_RESULT], figure_input[UTILIZATIONS_RESULT], figure_input[LAYERS_RESULT]
    )


FIGURE = FigureDeclaration(
    title="Roofline of this machine",
    caption="Speed of each network on this machine, below the limit set by the machine's peak and bandwidth. Circles "
    "on the roof: layers of the recommended network.",
    section="utilization",
    draw=draw,
    reads=(
        RANKED_RESULT,
        UTILIZATIONS_RESULT,
        LAYERS_RESULT,
    ),
    position=2,
)
