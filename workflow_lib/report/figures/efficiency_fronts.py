"""Efficiency in each input alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.efficiency_tables import EFFICIENCY_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(given: FigureInput) -> Figure:
    """Draw it."""
    from workflow_lib.report.plots.efficiency_plots import check_scored_columns, efficiency_fronts

    inputs, outputs = given.settings["efficiency.inputs"], given.settings["efficiency.outputs"]
    check_scored_columns(given[EFFICIENCY_RESULT], [*inputs, *outputs])
    return efficiency_fronts(given[EFFICIENCY_RESULT], inputs, outputs)


FIGURE = FigureDeclaration(
    title="Efficiency in each input alone",
    caption="Each input alone: every candidate, those that are efficient in all inputs together, and the fronts of "
    "averages (variable returns) and of candidates scaled at will (constant returns).",
    section="efficiency",
    draw=draw,
    reads=(EFFICIENCY_RESULT,),
    settings=(
        "efficiency.inputs",
        "efficiency.outputs",
    ),
    position=1,
)
