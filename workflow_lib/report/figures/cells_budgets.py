"""Bounds of searches and sizes of networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.report.declaration import FigureDeclaration, FigureInput
from workflow_lib.search.cell_tables import DERIVED_RESULT, LOOKUP_GRAPHS_RESULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(given: FigureInput) -> Figure:
    """Draw it."""
    from workflow_lib.report.plots.cell_plots import cells_budgets

    return cells_budgets(given[DERIVED_RESULT], given[LOOKUP_GRAPHS_RESULT])


FIGURE = FigureDeclaration(
    title="Bounds of searches and sizes of networks",
    caption="The cost of networks that come of searches at several bounds, with the bounds that were read for the "
    "budgets (diamonds); and the cost of the networks of the budgets' searches, on or below the dashed "
    "line. Rings: of the most probable networks, whatever they cost.",
    section="cell_budgets",
    draw=draw,
    reads=(
        DERIVED_RESULT,
        LOOKUP_GRAPHS_RESULT,
    ),
    position=2,
)
