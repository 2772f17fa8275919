"""Figure of a surrogate search: front over the trainings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.report.declaration import FigureDeclaration, FigureInput
from workflow_lib.search.surrogate_tables import PROGRESS_RESULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.surrogate_plots import front_progress

    return front_progress(figure_input[PROGRESS_RESULT])


FIGURE = FigureDeclaration(
    title="Front over the trainings",
    caption="Hypervolume of the measured front after each training. Vertical lines separate the rounds.",
    section="surrogate",
    draw=draw,
    reads=(PROGRESS_RESULT,),
    position=3,
)
