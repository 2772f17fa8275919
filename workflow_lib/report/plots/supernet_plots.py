"""Plots of supernets: the course of alpha, and the quality of their rankings."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_lib.report.plots.style import PALETTE, WIDTH_IN, themed

_COLUMNS = 3
_JITTER = 0.12
_MEASURES = {
    "tau_b": "Kendall's tau-b, Pareto ranks",
    "error_tau_b": "Kendall's tau-b, errors alone",
    "hypervolume_pct": "Hypervolume of the five best (%)",
    "hours": "Core-hours",
}


@themed
def supernet_alpha(alpha: pd.DataFrame) -> Figure:
    """Draw the architecture parameters of each choice over the epochs; dotted lines mark where values were pruned.

    Choices with a single value have nothing to learn and are omitted.

    Args:
        alpha: table ALPHA of one supernet per channel set and variant; the first set and the last variant are drawn.

    Source: Pareto Rank-Preserving Supernetwork for HW-NAS, figure 7.
    """
    shown = alpha[alpha["channels"] == alpha["channels"].iloc[0]]
    shown = shown[shown["variant"] == shown["variant"].iloc[-1]]
    lengths = shown.groupby("ranking")["epoch"].max()
    begins = lengths.cumsum().shift(fill_value=0)
    shown = shown.assign(total_epoch=shown["epoch"] + shown["ranking"].map(begins))
    several = shown.groupby("choice", sort=False)["value"].nunique() > 1
    choices = several.index[several].tolist() or [str(shown["choice"].iloc[0])]
    rows = -(-len(choices) // _COLUMNS)
    figure = Figure(figsize=(WIDTH_IN, 2.1 * rows + 0.3), layout="constrained")
    panels = list(figure.subplots(rows, _COLUMNS, squeeze=False, sharey=True).flat)
    for axes, choice in zip(panels, choices, strict=False):
        lines = shown[shown["choice"] == choice].groupby("value", sort=False)
        for color, (value, line) in zip(PALETTE, lines, strict=False):
            axes.plot(line["total_epoch"], line["alpha"], color=color, marker="o", markersize=3, label=str(value))
        for begin in begins.iloc[1:]:
            axes.axvline(begin + 0.5, color="0.4", linewidth=0.8, linestyle=":")
        axes.set_title(choice.replace("_", " "))
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=7, handlelength=1, borderaxespad=0.2)
        axes.xaxis.get_major_locator().set_params(integer=True)
    for axes in panels[len(choices) :]:
        axes.remove()
    figure.supxlabel("Epoch of step 2", fontsize=9)
    figure.supylabel("Alpha", fontsize=9)
    return figure


@themed
def supernet_quality(quality: pd.DataFrame, difficulty: pd.DataFrame) -> Figure:
    """Draw ranking quality and cost of each supernet variant, with one point per supernet and a bar at the mean.

    Args:
        quality: table RANKING_QUALITY.
        difficulty: table DIFFICULTY; the dashed line is the noise ceiling, the agreement of two halves of the seeds.

    Source: Pareto Rank-Preserving Supernetwork for HW-NAS, figures 6 and 9, table 4.
    """
    variants = list(dict.fromkeys(quality["variant"]))
    figure = Figure(figsize=(WIDTH_IN, 4.8), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True)
    for axes, (name, title) in zip(panels.flat, _MEASURES.items(), strict=True):
        for place, (variant, color) in enumerate(zip(variants, PALETTE, strict=False)):
            values = quality.loc[quality["variant"] == variant, name].astype(float)
            positions = place + np.linspace(-_JITTER, _JITTER, len(values))
            axes.scatter(positions, values, color=color, s=18, zorder=3)
            axes.hlines(values.mean(), place - 0.28, place + 0.28, color=color, linewidth=2)
        if name == "tau_b":
            axes.axhline(difficulty["ceiling_tau_b"].mean(), color="0.3", linestyle=(0, (4, 2)), linewidth=1)
        axes.set_title(title)
        axes.set_xticks(range(len(variants)), [name.replace("_", "\n") for name in variants])
        if name == "hours":
            axes.set_ylim(bottom=0)
    return figure


@themed
def supernet_ranks(ranks: pd.DataFrame) -> Figure:
    """Draw each network's true Pareto rank against its place in the ranking by the first supernet of each variant.

    Args:
        ranks: table RANKS; its first channel set is drawn.

    Source: Pareto Rank-Preserving Supernetwork for HW-NAS, figure 4.
    """
    shown = ranks[(ranks["channels"] == ranks["channels"].iloc[0]) & (ranks["number"] == 0)]
    variants = list(dict.fromkeys(shown["variant"]))
    rows = -(-len(variants) // _COLUMNS)
    figure = Figure(figsize=(WIDTH_IN, 2.4 * rows + 0.3), layout="constrained")
    panels = list(figure.subplots(rows, _COLUMNS, squeeze=False, sharey=True).flat)
    for axes, variant, color in zip(panels, variants, PALETTE, strict=False):
        _draw_places(axes, shown[shown["variant"] == variant], color)
        axes.set_title(variant.replace("_", " "))
    for axes in panels[len(variants) :]:
        axes.remove()
    figure.supxlabel("Place in the supernet's ranking (0: first)", fontsize=9)
    figure.supylabel("True Pareto rank (0: front)", fontsize=9)
    return figure


def _draw_places(axes: Axes, table: pd.DataFrame, color: str) -> None:
    """Draw one point per pair of place and rank, with an area proportional to the number of networks."""
    counts = table.groupby(["estimated_place", "true_rank"]).size().reset_index(name="count")
    axes.scatter(counts["estimated_place"], counts["true_rank"], s=22 * counts["count"], color=color, alpha=0.8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]  # MaxNLocator
