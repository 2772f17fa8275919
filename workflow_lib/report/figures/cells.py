"""Searches of cells under budgets: their course, and what became of the budgets."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_lib.report.figures.style import PALETTE, WIDTH_IN, themed

_THOUSAND = 1e3
_COLUMNS = 3


@themed
def cells_search(searches: pd.DataFrame) -> Figure:
    """Draw expected cost and multiplier over the epochs: one line per search, a colour per budget.

    Args:
        searches: table CELL_SEARCH, of budgets; its first channel set is drawn.

    Source: Dutta, Kanvar and Agarwal, Search-time Efficient Device Constraints-Aware NAS, algorithm 1.
    """
    own = _first_set(searches)
    bounds = own.groupby("number")["bound"].first()
    figure = Figure(figsize=(WIDTH_IN, 2.9), layout="constrained")
    cost_axes, multiplier_axes = figure.subplots(1, 2)
    for color, (number, bound) in zip(PALETTE, bounds.items(), strict=False):
        for place, (_, line) in enumerate(own[own["number"] == number].groupby("repeat")):
            label = f"{bound / _THOUSAND:,.1f}" if place == 0 else None
            cost_axes.plot(line["epoch"], line["cost"] / _THOUSAND, color=color, linewidth=1, label=label)
            multiplier_axes.plot(line["epoch"], line["multiplier"], color=color, linewidth=1)
        cost_axes.axhline(bound / _THOUSAND, color=color, linewidth=0.8, linestyle=(0, (4, 2)))
    cost_axes.set_ylabel("Expected cost (thousands)")
    cost_axes.legend(title="Bound (thousands)", title_fontsize=8)
    multiplier_axes.set_ylabel("Multiplier")
    for axes in (cost_axes, multiplier_axes):
        axes.set_xlabel("Epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


@themed
def cells_budgets(derived: pd.DataFrame, graphs: pd.DataFrame) -> Figure:
    """Draw the look-up graph, and what the derived networks cost of their budgets.

    Args:
        derived: table DERIVED; its first channel set is drawn.
        graphs: table LOOKUP_GRAPH.
    """
    own, graph = _first_set(derived), _first_set(graphs).sort_values("bound")
    figure = Figure(figsize=(WIDTH_IN, 3.0), layout="constrained")
    graph_axes, cost_axes = figure.subplots(1, 2)
    graph_axes.plot(graph["bound"] / _THOUSAND, graph["size"] / _THOUSAND, color="0.4", marker="o", markersize=4)
    for color, (budget, networks) in zip(PALETTE, own.groupby("budget"), strict=False):
        at = np.full(len(networks), float(str(budget)) / _THOUSAND)
        graph_axes.scatter(networks["bound"] / _THOUSAND, at, color=color, marker="D", s=26, zorder=3)
        cost_axes.scatter(at, networks["plain_cost"] / _THOUSAND, facecolors="none", edgecolors=color, s=40)
        cost_axes.scatter(at, networks["cost"] / _THOUSAND, color=color, s=18, zorder=3)
    graph_axes.set_xlabel("Bound of the search (thousands)")
    graph_axes.set_ylabel("Cost of its network (thousands)")
    graph_axes.set_title("Look-up graph")
    limits = [own["budget"].min() / _THOUSAND, own["budget"].max() / _THOUSAND]
    cost_axes.plot(limits, limits, color="0.4", linewidth=0.8, linestyle=(0, (4, 2)))
    cost_axes.set_xlabel("Budget (thousands)")
    cost_axes.set_ylabel("Cost of the network (thousands)")
    cost_axes.set_title("Networks within budgets")
    return figure


@themed
def cells_alpha(alpha: pd.DataFrame) -> Figure:
    """Draw the probability of each operation over the epochs, an edge per panel.

    Args:
        alpha: table CELL_ALPHA; its first search is drawn.
    """
    own = _first_set(alpha)
    own = own[(own["number"] == own["number"].iloc[0]) & (own["repeat"] == own["repeat"].iloc[0])]
    edges = list(dict.fromkeys(own["edge"]))
    figure = Figure(figsize=(WIDTH_IN, 4.2), layout="constrained")
    panels = figure.subplots(-(-len(edges) // _COLUMNS), _COLUMNS, sharex=True, sharey=True)
    for axes, edge in zip(panels.flat, edges, strict=True):
        for color, (operation, line) in zip(PALETTE, own[own["edge"] == edge].groupby("operation"), strict=False):
            axes.plot(line["epoch"], line["probability"], color=color, label=str(operation))
        axes.set_title(f"node {edge[0]} to {edge[-1]}")
        axes.xaxis.get_major_locator().set_params(integer=True)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    figure.supxlabel("Epoch", fontsize=9)
    figure.supylabel("Probability", fontsize=9)
    return figure


def _first_set(table: pd.DataFrame) -> pd.DataFrame:
    own: pd.DataFrame = table[table["channels"] == table["channels"].iloc[0]]
    return own
