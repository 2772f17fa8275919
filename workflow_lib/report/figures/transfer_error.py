"""Figure of the error of transferred predictors over the number of measured networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.devices.transferred.transfer_tables import TRANSFER_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.device_plots import transfer_error

    return transfer_error(figure_input[TRANSFER_RESULT])


FIGURE = FigureDeclaration(
    title="Error of transferred predictors",
    caption="Error of predictions that were transferred from another device, over the number of measured networks that "
    "correct them: median and largest error on networks that were not used, median of 20 random choices.",
    section="latency",
    draw=draw,
    reads=(TRANSFER_RESULT,),
    position=3,
)
