"""Figure of the chips' roles in the first fold as a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.data.chip_tables import CHIPS_RESULT, FOLDS_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.chip_maps import chip_map

    folds = figure_input[FOLDS_RESULT]
    return chip_map(figure_input[CHIPS_RESULT], folds, int(folds["fold"].min()))


FIGURE = FigureDeclaration(
    title="Roles of the chips in the first fold",
    caption="Locations of the chips, coloured by their role in the first fold.",
    section="data",
    draw=draw,
    reads=(
        CHIPS_RESULT,
        FOLDS_RESULT,
    ),
    position=3,
)
