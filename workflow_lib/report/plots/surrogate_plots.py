"""Plots of a surrogate search: its predictions, its beliefs of candidates that were not trained, and its progress."""

from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workflow_lib.report.names import shown_as
from workflow_lib.report.plots.style import PALETTE, WIDTH_IN, set_log, themed, wants_log
from workflow_lib.search.surrogate_tables import POSSIBLE


@themed
def predicted_accuracies(beliefs: pd.DataFrame) -> Figure:
    """Draw the measured accuracy of each trained candidate over the one predicted from all other candidates.

    Args:
        beliefs: table BELIEFS.
    """
    rows = beliefs[beliefs["trained"].astype(bool)]
    figure = Figure(figsize=(4.6, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.errorbar(
        rows["expected_accuracy_pct"], rows["accuracy_pct"], xerr=rows["deviation_pct"], fmt="o", markersize=4,
        color=PALETTE[0], ecolor="0.75", elinewidth=0.8,
    )  # fmt: skip
    ends = [rows[["expected_accuracy_pct", "accuracy_pct"]].to_numpy().min(), rows["accuracy_pct"].max()]
    axes.plot(ends, ends, color="0.4", linewidth=1, linestyle=(0, (4, 2)), zorder=1)
    axes.set(xlabel="Accuracy predicted from all other candidates (%)", ylabel="Measured accuracy (%)")
    return figure


@themed
def untrained_candidates(beliefs: pd.DataFrame, cost: str) -> Figure:
    """Draw what is believed of the candidates that were not trained, over their cost, beside the trained ones.

    Args:
        beliefs: table BELIEFS.
        cost: column of the first cost of the search.
    """
    x = beliefs["cost"] * shown_as(cost).factor
    trained, stopped = beliefs["trained"].astype(bool), beliefs["stopped"].astype(bool)
    possible = beliefs["front_probability"].fillna(0) >= POSSIBLE
    untrained = ~trained & ~stopped
    figure = Figure(figsize=(WIDTH_IN, 3.8), layout="constrained")
    axes = figure.subplots()
    for chosen, colour, label in (
        (untrained & ~possible, "0.8", "not trained"),
        (
            untrained & possible,
            PALETTE[1],
            f"not trained, on the front with a probability of at least {100 * POSSIBLE:g} %",
        ),
    ):
        axes.errorbar(
            x[chosen], beliefs["expected_accuracy_pct"][chosen], yerr=beliefs["deviation_pct"][chosen], fmt="o",
            markersize=3, color=colour, elinewidth=0.7, label=label, zorder=1 if colour == "0.8" else 2,
        )  # fmt: skip
    axes.scatter(x[trained], beliefs["accuracy_pct"][trained], s=18, color=PALETTE[0], zorder=3, label="trained")
    if stopped.any():
        accuracy = beliefs["expected_accuracy_pct"][stopped]
        axes.scatter(x[stopped], accuracy, s=18, marker="x", color="0.4", zorder=3, label="trained for some epochs")
    if wants_log(x):
        set_log(axes.xaxis, x)
    accuracies = np.r_[beliefs["accuracy_pct"].dropna(), beliefs["expected_accuracy_pct"]]
    axes.set_ylim(np.quantile(accuracies, 0.02) - 1, min(101, accuracies.max() + 2))
    axes.set(xlabel=shown_as(cost).axis, ylabel="Accuracy, measured or expected (%)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


@themed
def front_progress(progress: pd.DataFrame) -> Figure:
    """Draw the hypervolume of the front after each training.

    Args:
        progress: table PROGRESS.
    """
    figure = Figure(figsize=(WIDTH_IN, 2.8), layout="constrained")
    axes = figure.subplots()
    axes.step(progress["trained"], progress["hypervolume_pct"], where="post", color=PALETTE[0])
    for first in progress.loc[progress["round"].diff() > 0, "trained"]:
        axes.axvline(first - 0.5, color="0.85", linewidth=0.8, zorder=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="Trained candidates", ylabel="Hypervolume (% of the final front's)")
    return figure


@themed
def best_within_budgets(within: pd.DataFrame, ranked: pd.DataFrame) -> Figure:
    """Draw the accuracy of all trained candidates over each limited cost, with the best one within each budget.

    Args:
        within: table WITHIN_BUDGETS.
        ranked: the front table, all candidates and baselines.
    """
    costs = list(within["cost"].unique())
    candidates = ranked[~ranked["baseline"].astype(bool)]
    figure = Figure(figsize=(WIDTH_IN, 3.2), layout="constrained")
    panels = figure.subplots(1, len(costs), squeeze=False, sharey=True)[0]
    for axes, cost in zip(panels, costs, strict=True):
        shown, rows = shown_as(cost), within[within["cost"] == cost]
        x = candidates[cost] * shown.factor
        axes.scatter(x, candidates["accuracy_pct"], s=14, color="0.7", label="trained")
        for colour, (_, row) in zip(cycle(PALETTE), rows.sort_values("budget").iterrows(), strict=False):
            axes.axvline(row["budget"] * shown.factor, color=colour, linewidth=0.9, linestyle=(0, (4, 2)))
            if pd.notna(row["value"]):
                place = row["value"] * shown.factor, row["accuracy_pct"]
                axes.scatter(*place, s=42, color=colour, edgecolors="white", linewidths=0.5, zorder=3)
        if wants_log(x):
            set_log(axes.xaxis, x)
        axes.set_xlabel(shown.axis)
    panels[0].set_ylabel("Accuracy (%)")
    return figure
