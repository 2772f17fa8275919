"""Supernets: how alpha was learned, and how well their rankings hold."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_lib.report.plots.style import PALETTE, WIDTH_IN, themed

_COLUMNS = 3
_JITTER = 0.12
_MEASURES = {
    "tau_b": "Kendall's tau-b, Pareto ranks",
    "error_tau_b": "Kendall's tau-b, error alone",
    "hypervolume_pct": "Hypervolume of the five best (%)",
    "hours": "Core-hours",
}


@themed
def supernet_alpha(alpha: pd.DataFrame) -> Figure:
    """Draw the architecture parameters of each choice over the epochs; dotted lines stand where values were pruned.

    A choice of one value has nothing to learn, and is left out.

    Args:
        alpha: table ALPHA of one supernet per channel set and variant: the first set and the last variant are drawn.

    Source: Pareto Rank-Preserving Supernetwork for HW-NAS, figure 7.
    """
    own = alpha[alpha["channels"] == alpha["channels"].iloc[0]]
    own = own[own["variant"] == own["variant"].iloc[-1]]
    lengths = own.groupby("ranking")["epoch"].max()
    begins = lengths.cumsum().shift(fill_value=0)
    own = own.assign(at=own["epoch"] + own["ranking"].map(begins))
    several = own.groupby("choice", sort=False)["value"].nunique() > 1
    choices = several.index[several].tolist() or [str(own["choice"].iloc[0])]
    rows = -(-len(choices) // _COLUMNS)
    figure = Figure(figsize=(WIDTH_IN, 2.1 * rows + 0.3), layout="constrained")
    panels = list(figure.subplots(rows, _COLUMNS, squeeze=False, sharey=True).flat)
    for axes, choice in zip(panels, choices, strict=False):
        lines = own[own["choice"] == choice].groupby("value", sort=False)
        for color, (value, line) in zip(PALETTE, lines, strict=False):
            axes.plot(line["at"], line["alpha"], color=color, marker="o", markersize=3, label=str(value))
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
    """Draw how well each variant of supernet ranks, and what it costs: one point per supernet, a bar at the mean.

    Args:
        quality: table RANKING_QUALITY.
        difficulty: table DIFFICULTY: the dashed line is what two halves of the seeds agree on.

    Source: Pareto Rank-Preserving Supernetwork for HW-NAS, figures 6 and 9, table 4.
    """
    variants = list(dict.fromkeys(quality["variant"]))
    figure = Figure(figsize=(WIDTH_IN, 4.8), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True)
    for axes, (name, title) in zip(panels.flat, _MEASURES.items(), strict=True):
        for place, (variant, color) in enumerate(zip(variants, PALETTE, strict=False)):
            values = quality.loc[quality["variant"] == variant, name].astype(float)
            at = place + np.linspace(-_JITTER, _JITTER, len(values))
            axes.scatter(at, values, color=color, s=18, zorder=3)
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
    """Draw each network's true Pareto rank against where the first supernet of each variant puts it.

    Args:
        ranks: table RANKS; its first channel set is drawn.

    Source: Pareto Rank-Preserving Supernetwork for HW-NAS, figure 4.
    """
    own = ranks[(ranks["channels"] == ranks["channels"].iloc[0]) & (ranks["number"] == 0)]
    variants = list(dict.fromkeys(own["variant"]))
    rows = -(-len(variants) // _COLUMNS)
    figure = Figure(figsize=(WIDTH_IN, 2.4 * rows + 0.3), layout="constrained")
    panels = list(figure.subplots(rows, _COLUMNS, squeeze=False, sharey=True).flat)
    for axes, variant, color in zip(panels, variants, PALETTE, strict=False):
        _draw_places(axes, own[own["variant"] == variant], color)
        axes.set_title(variant.replace("_", " "))
    for axes in panels[len(variants) :]:
        axes.remove()
    figure.supxlabel("Place that the supernet gives it (0: first)", fontsize=9)
    figure.supylabel("True Pareto rank (0: front)", fontsize=9)
    return figure


def _draw_places(axes: Axes, table: pd.DataFrame, color: str) -> None:
    """One point per pair of place and rank, as large as there are networks."""
    counts = table.groupby(["estimated_place", "true_rank"]).size().reset_index(name="count")
    axes.scatter(counts["estimated_place"], counts["true_rank"], s=22 * counts["count"], color=color, alpha=0.8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]  # MaxNLocator
