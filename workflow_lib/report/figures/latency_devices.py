"""Figure of the latency on each device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.device_plots import latency_devices

    return latency_devices(
        figure_input[RANKED_RESULT], figure_input.objectives, figure_input.settings["latency_devices"]
    )


FIGURE = FigureDeclaration(
    title="Latency on each device",
    caption="Latency of each front member and baseline on each device.",
    section="latency",
    draw=draw,
    reads=(RANKED_RESULT,),
    settings=(
        "front.objectives",
        "latency_devices",
    ),
    position=1,
)
