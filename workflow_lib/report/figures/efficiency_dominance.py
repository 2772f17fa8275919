"""Figure of the stochastic dominance of efficiency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.efficiency_tables import DOMINANCE_RESULT, EFFICIENCY_RESULT, EFFICIENCY_SAMPLES_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.efficiency_plots import check_same_models, efficiency_dominance

    tables = [figure_input[result] for result in (EFFICIENCY_SAMPLES_RESULT, DOMINANCE_RESULT, EFFICIENCY_RESULT)]
    check_same_models(*tables)
    return efficiency_dominance(*tables)


FIGURE = FigureDeclaration(
    title="Stochastic dominance of efficiency",
    caption="An arrow leads from a candidate to one whose efficiency is stochastically smaller: its distribution "
    "lies nowhere above the other's. Arrows that follow from others are omitted. Two candidates without a path "
    "between them do not differ significantly. Numbers are those of the table of efficiencies.",
    section="efficiency",
    draw=draw,
    reads=(
        EFFICIENCY_SAMPLES_RESULT,
        DOMINANCE_RESULT,
        EFFICIENCY_RESULT,
    ),
    position=3,
    version=2,
)
