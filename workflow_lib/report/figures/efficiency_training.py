"""Figure of the efficiency with training costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.efficiency_tables import EFFICIENCY_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.efficiency_plots import efficiency_training

    return efficiency_training(figure_input[EFFICIENCY_RESULT])


FIGURE = FigureDeclaration(
    title="Efficiency with training costs",
    caption="Change of each candidate's efficiency and rank when training costs are included.",
    section="efficiency",
    draw=draw,
    reads=(EFFICIENCY_RESULT,),
    when=lambda config: bool(config.efficiency.training_inputs),
    position=4,
)
