"""Progress of each search strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.comparison_tables import COMPARISON_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(given: FigureInput) -> Figure:
    """Draw it."""
    from workflow_lib.report.plots.comparison_plots import comparison_progress

    return comparison_progress(given[COMPARISON_RESULT])


FIGURE = FigureDeclaration(
    title="Progress of each search strategy",
    caption="What each strategy has found of the front, and what it still misses of its hypervolume, after so many "
    "trainings and so many hours of them. Lines are means over its searches, bands span them.",
    section="strategies",
    draw=draw,
    reads=(COMPARISON_RESULT,),
    position=1,
)
