"""Plots of all candidates and the front in two or three dimensions (CROSS figure 3)."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from workflow_lib.pareto.front_config import Objective
from workflow_lib.report.names import axis_name, column_format
from workflow_lib.report.plots.style import GROUPS, defined, round_ticks, scatter, set_log, split, themed, wants_log

_SYMBOLS = {
    2: {"o": "circle", "D": "diamond", "*": "star"},
    3: {"o": "circle", "D": "square", "*": "diamond"},
}
"""Number of dimensions -> marker -> plotly symbol; plotly has no star in three dimensions."""


@themed
def front_3d(ranked: pd.DataFrame, objectives: Sequence[Objective]) -> Figure:
    """Draw every candidate in the space of the first three objectives, with the front highlighted.

    Args:
        ranked: the front table, all candidates and baselines.
        objectives: the objectives of the front; the first is the vertical axis. With two, the figure is flat.
    """
    names = [objective.name for objective in defined(ranked, objectives)[:3]]
    groups = {group: rows.dropna(subset=names) for group, rows in split(ranked, objectives).items()}
    return _flat(groups, names) if len(names) == 2 else _deep(groups, names)


def _flat(groups: dict[str, pd.DataFrame], names: Sequence[str]) -> Figure:
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    for group, rows in groups.items():
        if len(rows):
            scatter(axes, group, _shown(rows, names[1]), _shown(rows, names[0]))
    everything = pd.concat(groups.values())
    for axis, name in ((axes.xaxis, names[1]), (axes.yaxis, names[0])):
        axis.set_label_text(axis_name(name))
        if wants_log(everything[name]):
            set_log(axis, _shown(everything, name))
    figure.legend(loc="outside upper center", ncols=4)
    return figure


def _deep(groups: dict[str, pd.DataFrame], names: Sequence[str]) -> Figure:
    figure = Figure(figsize=(6.4, 5.2))
    axes: Any = figure.add_axes((0.0, 0.0, 0.94, 1.0), projection="3d")
    axes.computed_zorder = False  # ordered by depth, nearer candidates would hide the front
    everything = pd.concat(groups.values())
    upright, *ground = names
    logs = {name: wants_log(everything[name]) for name in names}
    floor = _place(everything, upright, logs).min()
    for group, rows in groups.items():
        if not len(rows):
            continue
        x, y, z = (_place(rows, name, logs) for name in (*ground, upright))
        scatter(axes, group, x, y, z, scale=1.1, depthshade=False)
        if group in ("front", "recommended"):
            # Without a line to the ground, the depth of a point is not visible.
            for point in zip(x, y, z, strict=True):
                foot = (*point[:2], floor)
                axes.plot(
                    *zip(point, foot, strict=True),
                    color=GROUPS[group]["color"],
                    linewidth=0.7,
                    alpha=0.7,
                    zorder=1,
                )
    for axis, name in zip((axes.xaxis, axes.yaxis, axes.zaxis), (*ground, upright), strict=True):
        axis.set_label_text(column_format(name).short_axis)
        axis.labelpad = 6
        if logs[name]:
            shown = _shown(everything, name)
            axis.set_major_locator(FixedLocator([np.log10(tick) for tick in round_ticks(shown.min(), shown.max())]))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{10**value:g}"))
    axes.view_init(elev=20, azim=-52)
    axes.set_box_aspect((1, 1, 0.85), zoom=0.95)
    figure.legend(loc="upper center", ncols=4)
    return figure


def _shown(rows: pd.DataFrame, name: str) -> pd.Series:
    return rows[name].astype(float) * column_format(name).factor


def _place(rows: pd.DataFrame, name: str, logs: dict[str, bool]) -> pd.Series:
    """Return the positions of values on an axis; matplotlib's 3-D axes have no logarithmic scale."""
    shown = _shown(rows, name)
    return np.log10(shown) if logs[name] else shown


def front_3d_interactive(ranked: pd.DataFrame, objectives: Sequence[Objective]) -> str:
    """Create an interactive version of `front_3d` that can be rotated and names the candidate under the pointer.

    Args:
        ranked: the front table, all candidates and baselines.
        objectives: the objectives of the front; with two, the figure is flat.

    Returns:
        One HTML page with plotly.js embedded (about 5 MB), which needs no network access.
    """
    names = [objective.name for objective in defined(ranked, objectives)[:3]]
    axes = dict(zip("yx" if len(names) == 2 else "zxy", names, strict=True))
    figure = go.Figure()
    for group, rows in split(ranked, objectives).items():
        rows = rows.dropna(subset=names)
        if len(rows):
            _add_trace(figure, group, rows, axes, [objective.name for objective in objectives])
    layout = {f"{letter}axis": _interactive_axis(ranked, name) for letter, name in axes.items()}
    scene = {**layout, "aspectmode": "cube", "camera": {"eye": {"x": 1.45, "y": -1.8, "z": 0.75}}}
    figure.update_layout(
        template="plotly_white",
        margin={"l": 10, "r": 45, "t": 60, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0.5, "xanchor": "center"},
        modebar={"orientation": "v"},
        **(layout if len(names) == 2 else {"scene": scene}),
    )
    page: str = figure.to_html(
        include_plotlyjs=True,
        config={"displaylogo": False, "responsive": True},
        div_id="front",
        default_height="93vh",
    )
    return page


def _interactive_axis(ranked: pd.DataFrame, name: str) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": {"text": column_format(name).short_axis}}
    if wants_log(ranked[name]):
        shown = _shown(ranked, name)
        axis |= {"type": "log", "tickvals": round_ticks(shown.min(), shown.max())}
    return axis


def _add_trace(
    figure: go.Figure, group: str, rows: pd.DataFrame, axes: dict[str, str], objectives: Sequence[str]
) -> None:
    mark = GROUPS[group]
    trace = go.Scatter if len(axes) == 2 else go.Scatter3d
    figure.add_trace(
        trace(
            **{letter: _shown(rows, name).tolist() for letter, name in axes.items()},
            mode="markers",
            name=f"{group} ({len(rows)})",
            text=[_hover(row, objectives) for _, row in rows.iterrows()],
            hovertemplate="%{text}<extra></extra>",
            marker={
                "symbol": _SYMBOLS[len(axes)][mark["marker"]],
                "color": mark["color"],
                "opacity": mark["alpha"],
                "size": {"candidates": 3.5, "recommended": 7}.get(group, 6) * (2 if len(axes) == 2 else 1),
            },
        )
    )


def _hover(row: pd.Series, objectives: Sequence[str]) -> str:
    # plotly interprets hover texts as HTML.
    values = [f"{column_format(name).title}: {column_format(name).text(row[name])}" for name in objectives]
    return "<br>".join([f"<b>{escape(str(row['candidate']))}</b>", *map(escape, values)])
