"""Figure of the battery charge over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.battery_tables import BATTERY_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.battery_plots import battery_charge

    return battery_charge(figure_input[BATTERY_RESULT])


FIGURE = FigureDeclaration(
    title="Battery charge over time",
    caption="Battery charge over time with three policies: only the most accurate network, only the most frugal one, "
    "or switching between networks (at the dots). The share of correct inferences is derived from each network's "
    "validation accuracy.",
    section="battery",
    draw=draw,
    reads=(BATTERY_RESULT,),
    position=1,
)
