"""Plots of the effect of each choice of the search space on each objective."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_lib.pareto.front_config import Objective
from workflow_lib.report.names import column_format
from workflow_lib.report.plots.style import GROUPS, PALETTE, defined, set_log, themed, wants_log
from workflow_lib.report.tables import candidates_only
from workflow_lib.spaces.networks import parse


@themed
def dimension_effects(ranked: pd.DataFrame, objectives: Sequence[Objective]) -> Figure:
    """Draw the distribution of each objective for each value of each dimension, with the front in colour.

    Boxes span the quartiles with the median inside; whiskers are at most 1.5 times as long as the box. A dimension
    with a single value in the run is omitted.

    Args:
        ranked: the front table, all candidates and baselines.
        objectives: the objectives of the front; each gets a row of panels.
    """
    candidates = candidates_only(ranked)
    objectives = defined(candidates, objectives)
    values = searched_dimensions(candidates)
    sizes = [max(2, len(labels)) for labels in map(_order, values.values())]
    figure = Figure(figsize=(max(4.0, 0.42 * sum(sizes) + 1.1), 1.75 * len(objectives) + 0.8), layout="constrained")
    if not values:
        figure.text(0.5, 0.5, "Every dimension has a single value in this run.", ha="center")
        return figure
    grid = figure.subplots(len(objectives), len(values), sharex="col", sharey="row", width_ratios=sizes, squeeze=False)
    for row, (axes_of_row, objective) in enumerate(zip(grid, objectives, strict=True), start=1):
        known = column_format(objective.name)
        shown = candidates[objective.name].astype(float) * known.factor
        for axes, (title, labels) in zip(axes_of_row, values.items(), strict=True):
            _panel(axes, labels, shown, candidates["on_front"].astype(bool))
            if row == len(grid):
                axes.set_xlabel(title)
        axes_of_row[0].set_ylabel(known.short_axis)
        if wants_log(shown):
            set_log(axes_of_row[0].yaxis, shown)
    return figure


def searched_dimensions(candidates: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the value of every searched dimension for each candidate.

    Args:
        candidates: rows with the columns KEYS.

    Returns:
        Title -> value of each row; dimensions with a single value are omitted.
    """
    ids = candidates["architecture"]
    networks = {text: parse(text) for text in ids.unique()}
    common = {name: candidates[name] for name in ("channels", "batch", "recipe", "precision")}
    labels = ids.map({text: network.space.label for text, network in networks.items()})
    if labels.nunique() > 1:
        found = {"space": labels} | common
    else:
        rows = {text: network.dimensions() for text, network in networks.items()}
        titles = dict.fromkeys(title for row in rows.values() for title in row)
        found = {title: ids.map({text: row[title] for text, row in rows.items()}) for title in titles} | common
    return {title: values for title, values in found.items() if values.nunique() > 1}


def _order(values: pd.Series) -> list[str | int]:
    """Sort the distinct values, with "none" first."""
    return sorted(values.unique(), key=lambda value: (value != "none", value))


def _panel(axes: Axes, labels: pd.Series, shown: pd.Series, on_front: pd.Series) -> None:
    order = _order(labels)
    random = np.random.default_rng(0)
    groups = [shown[(labels == value) & shown.notna()] for value in order]
    for position, group in enumerate(groups):
        places = position + random.uniform(-0.28, 0.28, len(group))
        front = on_front[group.index].to_numpy()
        axes.scatter(places[~front], group[~front], s=5, color="0.5", alpha=0.45, linewidth=0, zorder=2)
        axes.scatter(places[front], group[front], s=13, color=GROUPS["front"]["color"], linewidth=0, zorder=4)
    axes.boxplot(
        groups, positions=range(len(order)), widths=0.72, showfliers=False, patch_artist=True,
        boxprops={"facecolor": (0, 0, 0, 0.04), "edgecolor": "0.35", "linewidth": 0.8},
        medianprops={"color": PALETTE[1], "linewidth": 1.8},
        whiskerprops={"color": "0.35", "linewidth": 0.8}, capprops={"color": "0.35", "linewidth": 0.8},
        zorder=3,
    )  # fmt: skip
    names = [str(value) for value in order]
    upright = max(map(len, names)) > 4
    axes.set_xticks(range(len(order)), labels=names, rotation=90 if upright else 0)
    axes.set_xlim(-0.6, len(order) - 0.4)
    axes.grid(visible=False, axis="x")
