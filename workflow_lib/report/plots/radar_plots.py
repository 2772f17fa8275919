"""Radar plots of the front members (CROSS figure 4)."""

from collections.abc import Sequence
from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_lib.pareto.front_config import Objective
from workflow_lib.report.names import column_format
from workflow_lib.report.plots.style import GROUPS, defined, themed
from workflow_lib.report.tables import candidates_only, front_members, gain_sign

MAX_MEMBERS = 24
"""Maximum number of front members in the figure; more are hard to compare. The figure states how many are omitted."""


@themed
def front_radar(ranked: pd.DataFrame, objectives: Sequence[Objective]) -> Figure:
    """Draw a radar plot per front member; on every spoke, outward is better.

    For each objective, the centre is the worst of all candidates and the rim the best. Two objectives span no area,
    so they are drawn as bars.

    Args:
        ranked: the front table, all candidates and baselines.
        objectives: the objectives of the front.
    """
    all_members = front_members(ranked, objectives)
    objectives = defined(ranked, objectives)
    members = all_members.head(MAX_MEMBERS)
    columns = 3 if len(members) in (5, 6, 9) else min(4, len(members))
    rows = -(-len(members) // columns)
    is_polar = len(objectives) > 2
    figure = Figure(figsize=(max(5.0, 2.5 * columns), (2.4 if is_polar else 1.3) * rows + 0.3), layout="constrained")
    draw = _radar if is_polar else _bars
    shares = _outward(members, candidates_only(ranked), objectives)
    for position, (number, row) in enumerate(members.iterrows()):
        axes = figure.add_subplot(rows, columns, position + 1, projection="polar" if is_polar else None)
        colour = GROUPS["recommended" if row["recommended"] else "front"]["color"]
        draw(axes, shares.to_numpy()[position], row, objectives, colour)
        title = f"{number}  {shorten(row['channels'], 14, placeholder='…')}, batch {row['batch']}"
        # The two lines of the top spoke's label are between the circle and the title.
        axes.set_title(f"{title}\n{row['architecture']}", fontsize=7.5, pad=26 if is_polar else 6)
    worst, best = ("Centre", "Rim") if is_polar else ("Empty bar", "Full bar")
    total = len(all_members)
    omitted = f" {total - len(members)} of {total} front members are not drawn." if total > MAX_MEMBERS else ""
    figure.supxlabel(f"{worst}: the worst of all candidates in that objective. {best}: the best.{omitted}", fontsize=8)
    return figure


def _outward(members: pd.DataFrame, candidates: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    """Compute the position of each member on each spoke, from 0 (worst candidate) to 1 (best); missing values are 0."""
    shares = {}
    for objective in objectives:
        gains = candidates[objective.name].astype(float) * gain_sign(objective)
        spread = gains.max() - gains.min()
        values = members[objective.name].astype(float) * gain_sign(objective)
        shares[objective.name] = (values - gains.min()) / spread if spread > 0 else values * 0 + 1
    return pd.DataFrame(shares, index=members.index).fillna(0.0)


def _spoke(row: pd.Series, name: str) -> str:
    known = column_format(name)
    return f"{shorten(known.short, 16, placeholder='…')}\n{known.text(row[name])}"


def _radar(axes: Any, shares: np.ndarray, row: pd.Series, objectives: Sequence[Objective], colour: str) -> None:
    angles = np.linspace(0, 2 * np.pi, len(objectives), endpoint=False)
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    axes.set_ylim(0, 1)
    axes.set_yticks([0.25, 0.5, 0.75, 1.0], labels=[])
    axes.spines["polar"].set_color("0.75")
    axes.set_xticks(angles, labels=[])
    closed = np.append(angles, angles[0])
    axes.plot(
        closed,
        np.append(shares, shares[0]),
        color=colour,
        linewidth=1.4,
        marker="o",
        markersize=3,
        clip_on=False,
    )
    axes.fill(angles, shares, color=colour, alpha=0.22)
    for angle, objective in zip(angles, objectives, strict=True):
        side = np.sin(angle)
        axes.text(
            angle,
            1.1,
            _spoke(row, objective.name),
            ha="center" if abs(side) < 0.1 else "left" if side > 0 else "right",
            va="bottom" if np.cos(angle) > 0.9 else "top" if np.cos(angle) < -0.3 else "center",
            fontsize=7,
        )


def _bars(axes: Any, shares: np.ndarray, row: pd.Series, objectives: Sequence[Objective], colour: str) -> None:
    places = np.arange(len(objectives))[::-1]
    axes.barh(places, np.ones(len(places)), color="0.93", height=0.6)
    axes.barh(places, shares, color=colour, height=0.6)
    axes.set_yticks(places, labels=[_spoke(row, objective.name) for objective in objectives], fontsize=7)
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(left=False)
