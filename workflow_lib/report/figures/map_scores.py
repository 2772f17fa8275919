"""Figure of the map's precision and recall."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.field.field_tables import MAP_SCORES_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure

from workflow_lib.data.scene_paths import truth_files


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.scene_plots import map_scores

    return map_scores(figure_input[MAP_SCORES_RESULT])


FIGURE = FigureDeclaration(
    title="Precision and recall of the map",
    caption="Precision and recall of detections against the true places, for rising thresholds. Bars are 95 % "
    "intervals at the applied threshold.",
    section="map",
    draw=draw,
    reads=(MAP_SCORES_RESULT,),
    when=lambda config: bool(truth_files(config)),
    position=2,
)
