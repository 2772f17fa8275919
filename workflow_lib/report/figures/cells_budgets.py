"""Figure of search bounds and network sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.report.declaration import FigureDeclaration, FigureInput
from workflow_lib.search.cell_tables import DERIVED_RESULT, LOOKUP_GRAPHS_RESULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.cell_plots import cells_budgets

    return cells_budgets(
        figure_input[DERIVED_RESULT], figure_input[LOOKUP_GRAPHS_RESULT], figure_input.settings["energy_devices"]
    )


FIGURE = FigureDeclaration(
    title="Search bounds and network sizes",
    caption="Left: cost of the network that each search bound leads to; diamonds mark the bounds read off for the "
    "budgets. Right: cost of the networks derived for each budget, on or below the dashed line. Rings: cost of the "
    "most probable networks without regard to the budget.",
    section="cell_budgets",
    draw=draw,
    reads=(
        DERIVED_RESULT,
        LOOKUP_GRAPHS_RESULT,
    ),
    settings=("energy_devices",),
    position=2,
)
