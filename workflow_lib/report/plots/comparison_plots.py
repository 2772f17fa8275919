"""Plots that compare search strategies, and runs: how fast each finds the front, and which front."""

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_lib.pareto.dominance import front_mask, to_losses
from workflow_lib.pareto.front_config import Objective
from workflow_lib.report.names import shown_as
from workflow_lib.report.plots.style import PALETTE, WIDTH_IN, defined, set_log, themed, wants_log

_PRICES = {"trained": "Trained candidates", "training_hours": "Training (hours)"}
_STEPS = 200
_MIN_MISSING_PCT = 0.01  # smaller values are drawn here, because a logarithmic axis has no zero


@themed
def comparison_progress(comparison: pd.DataFrame) -> Figure:
    """Draw the share of the front that strategies have found, and the share still missing, against their trainings.

    Args:
        comparison: table COMPARISON; hours are drawn only if they are known.

    Source: Kosaian and Phanishayee, figures 4 to 6 (same question, answered there with fronts).
    """
    prices = [price for price in _PRICES if comparison[price].max() > 0]
    table = comparison.assign(missing=(100 - comparison["hypervolume_pct"]).clip(lower=_MIN_MISSING_PCT))
    figure = Figure(figsize=(WIDTH_IN, 5.4), layout="constrained")
    panels = figure.subplots(2, len(prices), sharey="row", sharex="col", squeeze=False)
    for row, share, initial in zip(panels, ("recall_pct", "missing"), (0.0, 100.0), strict=True):
        for axes, price in zip(row, prices, strict=True):
            for color, (strategy, searches) in zip(cycle(PALETTE), table.groupby("strategy", sort=False), strict=False):
                _draw_searches(axes, searches, price, share, initial, color, str(strategy))
    for axes, price in zip(panels[1], prices, strict=True):
        axes.set_xlabel(_PRICES[price])
    panels[0][0].set_ylabel("Front recall (%)")
    panels[1][0].set_ylabel("Hypervolume still missing (%)")
    set_log(panels[1][0].yaxis, pd.Series([table["missing"].min(), 100.0]))
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 5))
    return figure


def _draw_searches(
    axes: Axes, searches: pd.DataFrame, price: str, share: str, initial: float, color: str, label: str
) -> None:
    """Draw the mean and the range over one strategy's searches; `initial` is the value before the first training."""
    runs = [run for _, run in searches.groupby("seed")]
    prices = np.linspace(0, min(run[price].max() for run in runs), _STEPS)
    shares = [
        np.r_[initial, run[share]][np.searchsorted(run[price], prices * (1 + 1e-9), side="right")] for run in runs
    ]
    axes.plot(prices, np.mean(shares, axis=0), color=color, linewidth=1.5, label=label)
    if len(runs) > 1:
        axes.fill_between(prices, np.min(shares, axis=0), np.max(shares, axis=0), color=color, alpha=0.13, linewidth=0)


@themed
def comparison_fronts(candidates: pd.DataFrame, comparison: pd.DataFrame, objectives: Sequence[Objective]) -> Figure:
    """Draw the candidates that each strategy trained in its first search, on top of all candidates.

    Args:
        candidates: all candidates, with `candidate` and the objectives, of which the first two are drawn.
        comparison: table COMPARISON.
        objectives: the objectives of the front.

    Source: Kosaian and Phanishayee, figures 4 to 6.
    """
    y, x = defined(candidates, objectives)[:2]
    columns = 3
    firsts = comparison[comparison["seed"] == 0].groupby("strategy", sort=False)["candidate"]
    rows = -(-len(firsts) // columns)
    figure = Figure(figsize=(WIDTH_IN, 2.3 * rows + 0.5), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat)
    true = candidates[front_mask(to_losses(candidates, [y, x]))]
    for axes, color, (strategy, names) in zip(panels, cycle(PALETTE), firsts, strict=False):
        trained = candidates[candidates["candidate"].isin(set(names))]
        found = trained[front_mask(to_losses(trained, [y, x]))]
        _points(axes, candidates, x, y, s=7, color="0.8", label="all candidates")
        _points(axes, trained, x, y, s=12, color=color)
        _line(axes, true, x, y, color="0.2", linestyle=(0, (4, 2)), label="true front")
        _line(axes, found, x, y, color=color)
        axes.set_title(f"{strategy}: {len(trained)} trained")
    for axes in panels[len(firsts) :]:
        axes.remove()
    figure.supxlabel(shown_as(x.name).axis, fontsize=9)
    figure.supylabel(shown_as(y.name).axis, fontsize=9)
    # The worst 5 % would squeeze the rest together.
    worst = candidates[y.name].rank(pct=True, ascending=y.direction == "max") <= 1 / 20
    for axis, objective in ((panels[0].xaxis, x), (panels[0].yaxis, y)):
        _frame(axis, candidates.loc[~worst, objective.name] * shown_as(objective.name).factor)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


@themed
def runs_fronts(candidates: pd.DataFrame, objectives: Sequence[Objective]) -> Figure:
    """Draw the candidates of several runs and their combined front, with one panel per cost.

    Args:
        candidates: candidates of all runs, with `run` and the objectives; the first objective is the vertical axis.
        objectives: the objectives of the front.

    Source: Dutta, Kanvar and Agarwal, Search-time Efficient Device Constraints-Aware NAS, figures 2 and 3.
    """
    y, *costs = defined(candidates, objectives)
    figure = Figure(figsize=(WIDTH_IN, 3.2), layout="constrained")
    panels = figure.subplots(1, len(costs), squeeze=False, sharey=True)[0]
    for axes, x in zip(panels, costs, strict=True):
        _line(axes, candidates[front_mask(to_losses(candidates, [y, x]))], x, y, color="0.4", label="combined front")
        for color, (run, rows) in zip(cycle(PALETTE), candidates.groupby("run", sort=False), strict=False):
            _points(axes, rows, x, y, s=14, color=color, alpha=0.75, label=str(run))
        axes.set_xlabel(shown_as(x.name).axis)
        if wants_log(candidates[x.name]):
            set_log(axes.xaxis, candidates[x.name] * shown_as(x.name).factor)
    panels[0].set_ylabel(shown_as(y.name).axis)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 4))
    return figure


def _frame(axis: Any, values: pd.Series) -> None:
    if wants_log(values):
        set_log(axis, values)
    else:
        margin = 0.05 * (values.max() - values.min()) or 1.0
        (axis.axes.set_xlim if axis.axis_name == "x" else axis.axes.set_ylim)(
            values.min() - margin, values.max() + margin
        )


def _points(axes: Axes, table: pd.DataFrame, x: Objective, y: Objective, **look: object) -> None:
    values = [table[one.name] * shown_as(one.name).factor for one in (x, y)]
    axes.scatter(*values, edgecolor="none", **look)  # type: ignore[arg-type]


def _line(axes: Axes, front: pd.DataFrame, x: Objective, y: Objective, **look: object) -> None:
    front = front.sort_values(x.name)
    values = [front[one.name] * shown_as(one.name).factor for one in (x, y)]
    axes.plot(*values, linewidth=1.2, drawstyle="steps-post", **look)  # type: ignore[arg-type]
