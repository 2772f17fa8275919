"""The figure of a survey: every pair of columns, with the models on each front."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_lib.report.plots.front_pair_plots import staircase
from workflow_lib.report.plots.style import PALETTE, number_points, panel_grid, plain_text, set_log, themed, wants_log
from workflow_lib.survey.models import Models


@themed
def survey_fronts(models: Models, surveyed: pd.DataFrame) -> Figure:
    """Draw a panel for every pair of columns.

    Args:
        models: the models.
        surveyed: rows of SURVEYED, whose order numbers the models.

    Source: Kosaian and Phanishayee, figures 1 and 2.
    """
    pairs = list(combinations(models.columns, 2))
    figure, panels = panel_grid(len(pairs), (3.6, 3.2), alone=(6.0, 4.2))
    for axes, (first, second) in zip(panels, pairs, strict=True):
        _panel(axes, models, surveyed, second, first)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4 if len(pairs) > 1 else 2)
    figure.draw_without_rendering()
    for axes, (first, second) in zip(panels, pairs, strict=True):
        members = surveyed[surveyed["rank"] == 0]
        places = members[[f"value_{second}", f"value_{first}"]]
        number_points(axes, places.set_axis(members.index + 1))
    return figure


def _panel(axes: Axes, models: Models, surveyed: pd.DataFrame, x: str, y: str) -> None:
    def points(rows: pd.DataFrame) -> np.ndarray:
        return rows[[f"value_{x}", f"value_{y}"]].to_numpy(dtype=float)

    def draw(mask: pd.Series, label: str, **style: Any) -> None:
        horizontal, vertical = points(surveyed[mask]).T
        axes.scatter(horizontal, vertical, label=label, **style)

    pairs = len(models.columns) * (len(models.columns) - 1) // 2
    draw(surveyed["rank"] > 0, "models", s=14, color="0.5", alpha=0.5, edgecolor="none", zorder=2)
    draw(
        surveyed["rank"] == 0, "on the front of all columns",
        s=30, color=PALETTE[0], edgecolor="white", linewidth=0.5, zorder=3,
    )  # fmt: skip
    if pairs > 1:
        draw(
            surveyed["pair_fronts"] == pairs, "on the front of every pair",
            s=110, facecolor="none", edgecolor=PALETTE[3], linewidth=1.4, zorder=4,
        )  # fmt: skip
    steps = staircase(points(surveyed), [-models.sign(x), -models.sign(y)])
    axes.plot(*steps.T, color="0.25", linewidth=1.0, linestyle=(0, (4, 2)), zorder=2.5, label="front of the pair")
    for axis, column in ((axes.xaxis, x), (axes.yaxis, y)):
        arrow = "lower" if models.sign(column) > 0 else "higher"
        axis.set_label_text(f"{plain_text(column)}, {arrow} is better")
        if wants_log(surveyed[f"value_{column}"]):
            set_log(axis, surveyed[f"value_{column}"])
