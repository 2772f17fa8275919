"""Measured networks beside what a predictor says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.latency.latency_tables import VALIDATION_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(given: FigureInput) -> Figure:
    """Draw it."""
    from workflow_lib.report.plots.device_plots import predictor_validation

    return predictor_validation(given[VALIDATION_RESULT])


FIGURE = FigureDeclaration(
    title="Measured networks against the predictor",
    caption="Networks that were measured whole, beside what the predictor says of them. It was fitted to none of "
    "those in blue; the band is 10 % to either side.",
    section="latency",
    draw=draw,
    reads=(VALIDATION_RESULT,),
    position=2,
)
