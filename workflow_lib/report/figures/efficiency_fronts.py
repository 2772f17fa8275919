"""Figure of the efficiency in each single input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.efficiency_tables import EFFICIENCY_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.efficiency_plots import check_scored_columns, efficiency_fronts

    inputs, outputs = figure_input.settings["efficiency.inputs"], figure_input.settings["efficiency.outputs"]
    check_scored_columns(figure_input[EFFICIENCY_RESULT], [*inputs, *outputs])
    return efficiency_fronts(figure_input[EFFICIENCY_RESULT], inputs, outputs)


FIGURE = FigureDeclaration(
    title="Efficiency in each single input",
    caption="All candidates against each single input. Candidates that are efficient in all inputs together are "
    "highlighted. Lines: the front of averages of candidates (variable returns) and the front of candidates scaled "
    "by any factor (constant returns).",
    section="efficiency",
    draw=draw,
    reads=(EFFICIENCY_RESULT,),
    settings=(
        "efficiency.inputs",
        "efficiency.outputs",
    ),
    position=1,
)
