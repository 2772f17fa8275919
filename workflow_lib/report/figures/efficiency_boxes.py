"""Figure of the efficiency under noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.efficiency_tables import EFFICIENCY_RESULT, EFFICIENCY_SAMPLES_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.efficiency_plots import efficiency_boxes

    return efficiency_boxes(figure_input[EFFICIENCY_SAMPLES_RESULT], figure_input[EFFICIENCY_RESULT])


FIGURE = FigureDeclaration(
    title="Efficiency under noise",
    caption="Relative efficiency in samples in which all columns with standard deviations are redrawn together. "
    "Numbers are those of the table of efficiencies.",
    section="efficiency",
    draw=draw,
    reads=(EFFICIENCY_SAMPLES_RESULT, EFFICIENCY_RESULT),
    position=2,
    version=2,
)
