"""Figure of true ranks against ranks by supernets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.comparison_tables import RANKS_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.supernet_plots import supernet_ranks

    return supernet_ranks(figure_input[RANKS_RESULT])


FIGURE = FigureDeclaration(
    title="True ranks against ranks by supernets",
    caption="True Pareto rank of each network against its place in the ranking by the first supernet of each variant. "
    "Large points represent several networks.",
    section="supernets",
    draw=draw,
    reads=(RANKS_RESULT,),
    position=2,
)
