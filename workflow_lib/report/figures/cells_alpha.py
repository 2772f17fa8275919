"""Figure of the operation probabilities during the first cell search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.report.declaration import FigureDeclaration, FigureInput
from workflow_lib.search.cell_tables import FIRST_CELL_ALPHAS_RESULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.cell_plots import cells_alpha

    return cells_alpha(figure_input[FIRST_CELL_ALPHAS_RESULT])


FIGURE = FigureDeclaration(
    title="Operation probabilities during the first search",
    caption="Probability of each operation over the epochs of the first search, with one panel per edge of the cells.",
    section="cell_budgets",
    draw=draw,
    reads=(FIRST_CELL_ALPHAS_RESULT,),
    position=4,
)
