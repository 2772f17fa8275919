"""Figure of networks before and after folding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.report.declaration import FigureDeclaration, FigureInput
from workflow_lib.training.utilization_tables import UTILIZATIONS_RESULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.utilization_plots import utilization_folded

    return utilization_folded(figure_input[UTILIZATIONS_RESULT])


FIGURE = FigureDeclaration(
    title="Networks before and after folding",
    caption="Networks before and after folding, which stacks several chips as channels and multiplies the widths by "
    "the square root of their number. The multiplications per chip stay the same; the bytes decrease.",
    section="utilization",
    draw=draw,
    reads=(UTILIZATIONS_RESULT,),
    when=lambda config: bool(config.utilization and config.utilization.fold),
    position=4,
)
