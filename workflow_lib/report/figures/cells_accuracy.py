"""Figure of the accuracy of the networks found within budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput
from workflow_lib.search.cell_tables import DERIVED_RESULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.cell_plots import cells_accuracy

    return cells_accuracy(
        figure_input[DERIVED_RESULT], figure_input[RANKED_RESULT], figure_input.settings["energy_devices"]
    )


FIGURE = FigureDeclaration(
    title="Accuracy of the networks found within budgets",
    caption="Accuracy after individual training of the networks found within budgets (colours), against their cost and "
    "for the searches of each budget. Grey, if any were drawn: random networks within the budget, with a line at "
    "their median.",
    section="cell_budgets",
    draw=draw,
    reads=(
        DERIVED_RESULT,
        RANKED_RESULT,
    ),
    settings=("energy_devices",),
    position=1,
)
