"""Accuracy of the networks that were found within budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput
from workflow_lib.search.cell_tables import DERIVED_RESULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(given: FigureInput) -> Figure:
    """Draw it."""
    from workflow_lib.report.plots.cell_plots import cells_accuracy

    return cells_accuracy(given[DERIVED_RESULT], given[RANKED_RESULT])


FIGURE = FigureDeclaration(
    title="Accuracy of the networks that were found within budgets",
    caption="Networks that were searched within budgets, trained by themselves: against what they cost, and over "
    "the searches of each budget (colours). Grey, where any were drawn: networks at random within the "
    "budget, with a line at their median.",
    section="cell_budgets",
    draw=draw,
    reads=(
        DERIVED_RESULT,
        RANKED_RESULT,
    ),
    position=1,
)
