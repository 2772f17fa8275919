"""Plots of cell searches within budgets: their progress, and the cost and accuracy of the derived networks.

All figures show the first channel set.
"""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_lib.report.plots.style import PALETTE, WIDTH_IN, themed
from workflow_lib.report.tables import baseline_rows, with_candidates
from workflow_lib.spaces.cell_costs import cost_column

_SCALES = {"parameters": (1e3, "thousand parameters"), "multiply_adds": (1e6, "million multiply-adds")}
_COLUMNS = 4
_RANDOM = "0.55"


@themed
def cells_search(searches: pd.DataFrame, meters: Sequence[str]) -> Figure:
    """Draw expected cost and multiplier over the epochs.

    Each quantity has a row, each search a line, and each budget a colour.

    Args:
        searches: rows of table CELL_SEARCH whose target is a budget.
        meters: devices that predict energy instead of latency.

    Source: Dutta, Kanvar and Agarwal, Search-time Efficient Device Constraints-Aware NAS, algorithm 1.
    """
    groups = list(_first_set(searches).groupby("quantity", sort=False))
    figure = Figure(figsize=(WIDTH_IN, 2.9 * len(groups)), layout="constrained")
    panels = figure.subplots(len(groups), 2, squeeze=False)
    for (quantity, group), (cost_axes, multiplier_axes) in zip(groups, panels, strict=True):
        scale, unit = _scale(str(quantity), meters)
        for color, (bound, lines) in zip(cycle(PALETTE), group.groupby("bound"), strict=False):
            level = float(str(bound)) / scale
            for place, (_, line) in enumerate(lines.groupby("repeat")):
                label = f"{level:,.3g}" if place == 0 else None
                style = {"color": color, "linewidth": 1, "marker": ".", "markersize": 3}
                cost_axes.plot(line["epoch"], line["cost"] / scale, label=label, **style)
                multiplier_axes.plot(line["epoch"], line["multiplier"], **style)
            cost_axes.axhline(level, color=color, linewidth=0.8, linestyle=(0, (4, 2)))
        cost_axes.set_ylabel("Expected cost")
        cost_axes.set_title(unit)
        cost_axes.legend(title="Bound", title_fontsize=8)
        multiplier_axes.set_ylabel("Multiplier")
        for axes in (cost_axes, multiplier_axes):
            axes.set_xlabel("Epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


@themed
def cells_budgets(derived: pd.DataFrame, graphs: pd.DataFrame, meters: Sequence[str]) -> Figure:
    """Draw the look-up graph, and the cost of derived networks against their budgets, with a row per quantity.

    Args:
        derived: table DERIVED.
        graphs: table LOOKUP_GRAPH.
        meters: devices that predict energy instead of latency.
    """
    found = _first_set(derived)
    groups = list(found[found["origin"] == "search"].groupby("quantity", sort=False))
    figure = Figure(figsize=(WIDTH_IN, 3.0 * len(groups)), layout="constrained")
    panels = figure.subplots(len(groups), 2, squeeze=False)
    for (quantity, group), (graph_axes, cost_axes) in zip(groups, panels, strict=True):
        scale, unit = _scale(str(quantity), meters)
        graph = _first_set(graphs[graphs["quantity"] == quantity]).sort_values("bound")
        graph_axes.plot(graph["bound"] / scale, graph["size"] / scale, color="0.4", marker="o", markersize=4)
        for color, (budget, networks) in zip(cycle(PALETTE), group.groupby("budget"), strict=False):
            budgets = np.full(len(networks), float(str(budget)) / scale)
            graph_axes.scatter(networks["bound"] / scale, budgets, color=color, marker="D", s=26, zorder=3)
            cost_axes.scatter(budgets, networks["plain_cost"] / scale, facecolors="none", edgecolors=color, s=40)
            cost_axes.scatter(budgets, networks["cost"] / scale, color=color, s=18, zorder=3)
        graph_axes.set_xlabel(f"Search bound ({unit})")
        graph_axes.set_ylabel("Cost of its network")
        graph_axes.set_title("Look-up graph")
        limits = [group["budget"].min() / scale, group["budget"].max() / scale]
        cost_axes.plot(limits, limits, color="0.4", linewidth=0.8, linestyle=(0, (4, 2)))
        cost_axes.set_xlabel(f"Budget ({unit})")
        cost_axes.set_ylabel("Cost of its networks")
        cost_axes.set_title("Networks within budgets")
    return figure


@themed
def cells_accuracy(derived: pd.DataFrame, ranked: pd.DataFrame, meters: Sequence[str]) -> Figure:
    """Draw accuracy after training, against cost and by budget, with random networks for comparison.

    Args:
        derived: table DERIVED.
        ranked: the front table, all candidates and baselines.
        meters: devices that predict energy instead of latency.

    Source: Dutta, Kanvar and Agarwal, Search-time Efficient Device Constraints-Aware NAS, figures 2 and 4b.
    """
    table = with_candidates(_first_set(derived), ranked)
    groups = list(table.groupby("quantity", sort=False))
    baselines = baseline_rows(ranked)
    baselines = baselines[baselines["channels"] == table["channels"].iloc[0]]
    figure = Figure(figsize=(WIDTH_IN, 3.2 * len(groups)), layout="constrained")
    panels = figure.subplots(len(groups), 2, squeeze=False, sharey="row")
    for (quantity, group), (cost_axes, budget_axes) in zip(groups, panels, strict=True):
        scale, unit = _scale(str(quantity), meters)
        # Latencies are predictions for whole networks, as in the front; the budgets limit sums of operations.
        cost = cost_column(str(quantity), quantity in meters)
        drawn, found = group[group["origin"] == "random"], group[group["origin"] == "search"]
        cost_axes.scatter(drawn[cost] / scale, drawn["accuracy_pct"], color=_RANDOM, s=12, label="drawn at random")
        for color, (place, (budget, networks)) in zip(cycle(PALETTE), enumerate(found.groupby("budget")), strict=False):
            label = f"within {float(str(budget)) / scale:,.3g}"
            style = {"color": color, "s": 22, "zorder": 3, "edgecolors": "white", "linewidths": 0.4}
            cost_axes.scatter(networks[cost] / scale, networks["accuracy_pct"], label=label, **style)
            budget_axes.scatter(_side_by_side(place - 0.16, len(networks)), networks["accuracy_pct"], **style)
            _strip(budget_axes, drawn[drawn["budget"] == budget], place + 0.16)
        x = baselines[cost] / scale
        cost_axes.scatter(x, baselines["accuracy_pct"], color="black", marker="D", s=30, label="baseline")
        cost_axes.set_xscale("log")
        cost_axes.set_xlabel(f"Cost ({unit})")
        cost_axes.set_ylabel("Accuracy (%)")
        cost_axes.legend()
        budgets = sorted(found["budget"].unique())
        budget_axes.set_xticks(range(len(budgets)), [f"{budget / scale:,.3g}" for budget in budgets])
        budget_axes.set_xlabel(f"Budget ({unit})")
        budget_axes.set_title("Found by search, and drawn at random")
    return figure


def _strip(axes: Axes, networks: pd.DataFrame, centre: float) -> None:
    """Draw points side by side, with a line at their median."""
    if len(networks):
        axes.scatter(_side_by_side(centre, len(networks)), networks["accuracy_pct"], color=_RANDOM, s=12)
        axes.hlines(networks["accuracy_pct"].median(), centre - 0.12, centre + 0.12, color=_RANDOM, linewidth=1)


def _side_by_side(centre: float, count: int) -> list[float]:
    positions: list[float] = (centre + np.linspace(-0.08, 0.08, count)).tolist() if count > 1 else [centre] * count
    return positions


@themed
def cells_alpha(alpha: pd.DataFrame) -> Figure:
    """Draw the probability of each operation over the epochs, with one panel per edge.

    Args:
        alpha: table CELL_ALPHA; its first search is drawn.
    """
    search = ["channels", "quantity", "number", "repeat"]
    first = alpha[(alpha[search] == alpha[search].iloc[0]).all(axis=1)]
    edges = list(dict.fromkeys(first["edge"]))
    columns = min(len(edges) // 2, _COLUMNS)
    rows = -(-len(edges) // columns)
    figure = Figure(figsize=(WIDTH_IN, 0.6 + 1.8 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True)
    for axes in panels.flat[len(edges) :]:
        axes.set_axis_off()
    for axes, edge in zip(panels.flat, edges, strict=False):
        for color, (operation, line) in zip(PALETTE, first[first["edge"] == edge].groupby("operation"), strict=False):
            axes.plot(line["epoch"], line["probability"], color=color, label=str(operation), marker=".", markersize=3)
        axes.set_title(f"edge {edge}")
        axes.xaxis.get_major_locator().set_params(integer=True)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    figure.supxlabel("Epoch", fontsize=9)
    figure.supylabel("Probability", fontsize=9)
    return figure


def _scale(quantity: str, meters: Sequence[str]) -> tuple[float, str]:
    """Return the divisor of displayed values, and the unit after the division."""
    unit = "mJ" if quantity in meters else "ms"
    return _SCALES.get(quantity, (1.0, f"{unit} on {quantity}"))


def _first_set(table: pd.DataFrame) -> pd.DataFrame:
    rows: pd.DataFrame = table[table["channels"] == table["channels"].iloc[0]]
    return rows
