"""Plots of every pair of objectives, with all candidates, the front and its intervals."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_lib.pareto.front_config import Objective
from workflow_lib.report.names import axis_name, column_format
from workflow_lib.report.plots.style import (
    GROUPS,
    defined,
    number_points,
    panel_grid,
    scatter,
    set_log,
    split,
    themed,
    wants_log,
)
from workflow_lib.report.tables import baseline_rows, candidates_only, front_members, gain_sign

_INTERVAL = ["accuracy_low_pct", "accuracy_high_pct"]


@themed
def front_pairs(ranked: pd.DataFrame, objectives: Sequence[Objective]) -> Figure:
    """Draw a panel for every pair of objectives.

    The line is the front of only that pair. Bars are 95 % intervals of the front members' accuracy. Members have
    the numbers of the report's front table where there is room.

    Args:
        ranked: the front table, all candidates and baselines.
        objectives: the objectives of the front.
    """
    pairs = list(combinations(defined(ranked, objectives), 2))
    figure, panels = panel_grid(len(pairs), (3.1, 2.8), alone=(6.0, 4.2))
    for axes, (y, x) in zip(panels, pairs, strict=True):
        _panel(axes, ranked, objectives, x, y)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=5 if len(pairs) > 1 else 3)
    _number_members(figure, panels, pairs, ranked, objectives)
    return figure


def _panel(axes: Axes, ranked: pd.DataFrame, objectives: Sequence[Objective], x: Objective, y: Objective) -> None:
    horizontal, vertical = column_format(x.name), column_format(y.name)
    for group, rows in split(ranked, objectives).items():
        rows = rows.dropna(subset=[x.name, y.name])
        if len(rows):
            scatter(axes, group, rows[x.name] * horizontal.factor, rows[y.name] * vertical.factor)
        if group in ("front", "recommended") and y.name == "accuracy_pct":
            _intervals(axes, group, rows, x.name)
    steps = pair_front(candidates_only(ranked), x, y)
    axes.plot(
        steps[:, 0] * horizontal.factor,
        steps[:, 1] * vertical.factor,
        color="0.25",
        linewidth=1.0,
        linestyle=(0, (4, 2)),
        zorder=2.8,
        label="front of the pair",
    )
    for axis, objective, known in ((axes.xaxis, x, horizontal), (axes.yaxis, y, vertical)):
        axis.set_label_text(axis_name(objective.name))
        if wants_log(ranked[objective.name]):
            set_log(axis, ranked[objective.name] * known.factor)


def _intervals(axes: Axes, group: str, rows: pd.DataFrame, x: str) -> None:
    rows = rows.dropna(subset=_INTERVAL)
    if len(rows):
        axes.errorbar(
            rows[x] * column_format(x).factor,
            rows["accuracy_pct"],
            yerr=[rows["accuracy_pct"] - rows[_INTERVAL[0]], rows[_INTERVAL[1]] - rows["accuracy_pct"]],
            fmt="none",
            ecolor=GROUPS[group]["color"],
            elinewidth=1.6,
            alpha=0.3,
            zorder=2.5,
        )


def pair_front(candidates: pd.DataFrame, x: Objective, y: Objective) -> np.ndarray:
    """Compute the corners of the staircase-shaped front of two objectives.

    Args:
        candidates: rows with both columns; rows with missing values are omitted.
        x: objective on the horizontal axis.
        y: objective on the vertical axis.

    Returns:
        (n, 2) array of x and y in stored units, from the best x to the best y: the members of the pair's front,
        with a corner between every two.
    """
    return staircase(candidates[[x.name, y.name]].dropna().to_numpy(dtype=float), [gain_sign(x), gain_sign(y)])


def staircase(points: np.ndarray, signs: Sequence[float]) -> np.ndarray:
    """Compute the corners of the staircase-shaped front of points.

    Args:
        points: (n, 2) x and y.
        signs: for x and y, 1 if higher is better, -1 if lower is.

    Returns:
        (k, 2) x and y, from the best x to the best y: the members of the front, with a corner between every two.

    >>> staircase(np.array([[1.0, 1.0], [3.0, 2.0], [2.0, 0.5]]), [-1, 1]).tolist()
    [[1.0, 1.0], [3.0, 1.0], [3.0, 2.0]]
    """
    gains = points * signs
    gains = gains[np.lexsort((-gains[:, 1], -gains[:, 0]))]
    best_before = np.concatenate([[-np.inf], np.maximum.accumulate(gains[:, 1])[:-1]])
    members = gains[gains[:, 1] > best_before]
    corners = np.column_stack([members[1:, 0], members[:-1, 1]])
    steps = np.empty((len(members) + len(corners), 2))
    steps[0::2], steps[1::2] = members, corners
    return steps * signs


def _number_members(
    figure: Figure,
    panels: Sequence[Axes],
    pairs: Sequence[tuple[Objective, Objective]],
    ranked: pd.DataFrame,
    objectives: Sequence[Objective],
) -> None:
    figure.draw_without_rendering()
    for axes, (y, x) in zip(panels, pairs, strict=True):
        factors = [column_format(x.name).factor, column_format(y.name).factor]
        members, baselines = (
            rows[[x.name, y.name]].astype(float).dropna() * factors
            for rows in (front_members(ranked, objectives), baseline_rows(ranked))
        )
        number_points(axes, members, list(baselines.itertuples(index=False, name=None)))
