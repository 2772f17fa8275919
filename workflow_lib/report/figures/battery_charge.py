"""Charge of a battery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.battery_tables import BATTERY_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(given: FigureInput) -> Figure:
    """Draw it."""
    from workflow_lib.report.plots.battery_plots import battery_charge

    return battery_charge(given[BATTERY_RESULT])


FIGURE = FigureDeclaration(
    title="Charge of a battery",
    caption="One battery, three ways to use it: the most accurate network alone, the most frugal one alone, and "
    "switching between networks at the dots. The share of correct inferences is each network's validation "
    "accuracy.",
    section="battery",
    draw=draw,
    reads=(BATTERY_RESULT,),
    position=1,
)
