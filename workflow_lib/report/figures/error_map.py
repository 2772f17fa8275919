"""Figure of the locations where good candidates err."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.prediction_tables import SUSPECTS_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.suspect_plots import error_map

    return error_map(figure_input[SUSPECTS_RESULT])


FIGURE = FigureDeclaration(
    title="Map of errors",
    caption="Locations of the validation chips, coloured by the share of the good candidates that misclassify them.",
    section="suspects",
    draw=draw,
    reads=(SUSPECTS_RESULT,),
    position=2,
)
