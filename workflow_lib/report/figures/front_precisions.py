"""Figure of the front in lower precisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.field.field_tables import PRECISIONS_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.precision_plots import front_precisions

    return front_precisions(figure_input[PRECISIONS_RESULT], figure_input[RANKED_RESULT])


FIGURE = FigureDeclaration(
    title="The front in lower precisions",
    caption="The front's networks in lower numeric precisions. Lines connect the files of one network. Grey: all "
    "candidates in fp32.",
    section="precisions",
    draw=draw,
    reads=(
        PRECISIONS_RESULT,
        RANKED_RESULT,
    ),
    position=1,
)
