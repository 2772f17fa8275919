"""Figure of the folds as a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.data.chip_tables import CHIPS_RESULT, FOLDS_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.chip_maps import chip_map

    return chip_map(figure_input[CHIPS_RESULT], figure_input[FOLDS_RESULT])


FIGURE = FigureDeclaration(
    title="Map of the folds",
    caption="Locations of the chips, coloured by the fold in which they are used for validation.",
    section="data",
    draw=draw,
    reads=(
        CHIPS_RESULT,
        FOLDS_RESULT,
    ),
    when=lambda config: not config.folds.same_split,
    position=2,
)
