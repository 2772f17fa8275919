"""Figure of how far the scenes are from the training chips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.field.field_tables import DRIFT_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.drift_plots import map_drift

    return map_drift(figure_input[DRIFT_RESULT])


FIGURE = FigureDeclaration(
    title="Scenes and training chips",
    caption="Values of each band in the scenes of each area, and in the training region that they resemble most: "
    "median and range from the 5 % to the 95 % quantile. In orange: the distributions differ more than by chance "
    "(population stability index above its limit).",
    section="map",
    draw=draw,
    reads=(DRIFT_RESULT,),
    position=3,
)
