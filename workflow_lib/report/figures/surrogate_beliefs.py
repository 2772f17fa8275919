"""Figure of a surrogate search: what is believed of candidates that were not trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.report.declaration import FigureDeclaration, FigureInput
from workflow_lib.search.surrogate_tables import BELIEFS_RESULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.surrogate_plots import untrained_candidates

    return untrained_candidates(figure_input[BELIEFS_RESULT], figure_input.settings["searched_costs"][0])


FIGURE = FigureDeclaration(
    title="What is believed of candidates that were not trained",
    caption="Expected accuracy and one standard deviation of every candidate that was not trained, beside the measured "
    "accuracy of those that were.",
    section="surrogate",
    draw=draw,
    reads=(BELIEFS_RESULT,),
    settings=("searched_costs",),
    position=2,
)
