"""Figure of the progress of each search strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.comparison_tables import COMPARISON_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.comparison_plots import comparison_progress

    return comparison_progress(figure_input[COMPARISON_RESULT])


FIGURE = FigureDeclaration(
    title="Progress of each search strategy",
    caption="Share of the front that each strategy has found, and share of its hypervolume that is still missing, "
    "against the number and the hours of trainings. Lines are means over the searches; bands are their range.",
    section="strategies",
    draw=draw,
    reads=(COMPARISON_RESULT,),
    position=1,
)
