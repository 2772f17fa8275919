"""Figure of predicted against measured latencies of whole networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.latency.latency_tables import VALIDATION_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.device_plots import predictor_validation

    return predictor_validation(figure_input[VALIDATION_RESULT])


FIGURE = FigureDeclaration(
    title="Predicted and measured latencies",
    caption="Predicted against measured latency of whole networks. Networks in blue were not used to fit the "
    "predictor. The band covers deviations of up to 10 %.",
    section="latency",
    draw=draw,
    reads=(VALIDATION_RESULT,),
    position=2,
)
