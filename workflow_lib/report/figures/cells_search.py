"""Figure of the expected cost and the multiplier during cell searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.report.declaration import FigureDeclaration, FigureInput
from workflow_lib.search.cell_tables import CELL_SEARCHES_RESULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.cell_plots import cells_search

    return cells_search(figure_input[CELL_SEARCHES_RESULT], figure_input.settings["energy_devices"])


FIGURE = FigureDeclaration(
    title="Expected cost and multiplier during the searches",
    caption="Expected cost of networks whose edges draw their operations at random, and the multiplier that keeps it "
    "at the bound (dashed), over the epochs of the searches.",
    section="cell_budgets",
    draw=draw,
    reads=(CELL_SEARCHES_RESULT,),
    settings=("energy_devices",),
    position=3,
)
