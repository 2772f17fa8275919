"""Figure of the ranking quality of supernets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.comparison_tables import DIFFICULTY_RESULT, RANKING_QUALITY_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.supernet_plots import supernet_quality

    return supernet_quality(figure_input[RANKING_QUALITY_RESULT], figure_input[DIFFICULTY_RESULT])


FIGURE = FigureDeclaration(
    title="Ranking quality of supernets",
    caption="Ranking quality and cost of supernets, with one point per supernet and a line at the mean. "
    "Dashed: the noise ceiling, the agreement between two halves of the networks' own trainings.",
    section="supernets",
    draw=draw,
    reads=(
        RANKING_QUALITY_RESULT,
        DIFFICULTY_RESULT,
    ),
    position=1,
)
