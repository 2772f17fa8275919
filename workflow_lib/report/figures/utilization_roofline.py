"""Roofline of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput
from workflow_lib.training.utilization_tables import LAYERS_RESULT, UTILIZATIONS_RESULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(given: FigureInput) -> Figure:
    """Draw it."""
    from workflow_lib.report.plots.utilization_plots import utilization_roofline

    return utilization_roofline(given[RANKED_RESULT], given[UTILIZATIONS_RESULT], given[LAYERS_RESULT])


FIGURE = FigureDeclaration(
    title="Roofline of this machine",
    caption="What each network reaches on this machine, under what its peak and its bandwidth allow; and where the "
    "recommended network's layers lie.",
    section="utilization",
    draw=draw,
    reads=(
        RANKED_RESULT,
        UTILIZATIONS_RESULT,
        LAYERS_RESULT,
    ),
    position=2,
)
