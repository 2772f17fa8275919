"""Plots of relative efficiency: fronts, distribution over samples, and which candidates dominate others."""

from collections.abc import Callable, Sequence
from textwrap import shorten

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path as Line
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError
from workflow_lib.pareto.dominance import front_mask
from workflow_lib.report.names import ColumnFormat, shown_as
from workflow_lib.report.plots.layered_layout import lay_out
from workflow_lib.report.plots.style import PALETTE, WIDTH_IN, panel_grid, plain_text, themed

_MAX_NAME_LENGTH = 60
_MAX_MODELS = 20


@themed
def efficiency_fronts(
    scores: pd.DataFrame,
    inputs: Sequence[str],
    outputs: Sequence[str],
    shown: Callable[[str], ColumnFormat] = shown_as,
) -> Figure:
    """Draw the first output against each single input, with the fronts that models are measured against.

    Args:
        scores: table EFFICIENCY.
        inputs: columns that were scored as inputs.
        outputs: columns that were scored as outputs.
        shown: returns how a column is displayed.

    Source: Partovi Nia et al., figure 2.
    """
    figure, panels = panel_grid(len(inputs), (3.2, 2.9), alone=(4.6, 2.9))
    output = shown(outputs[0])
    for axes, name in zip(panels, inputs, strict=True):
        cost = shown(name)
        x = scores[f"own_{name}"].to_numpy() * cost.factor
        y = scores[f"own_{outputs[0]}"].to_numpy() * output.factor
        efficient = scores["strong"].to_numpy(dtype=bool)
        axes.scatter(x[~efficient], y[~efficient], s=14, color="0.5", alpha=0.5, edgecolor="none", label="models")
        axes.scatter(
            x[efficient], y[efficient], s=30, color=PALETTE[0], edgecolor="white", linewidth=0.5, zorder=4,
            label="efficient in all inputs",
        )  # fmt: skip
        corners = variable_front(x, y)
        axes.plot(corners[:, 0], corners[:, 1], color="0.2", linewidth=1, label="front, variable returns")
        best = int((y / x).argmax())
        end = min(float(x.max()), float(y.max()) / (y[best] / x[best]))
        axes.plot(
            [0, end],
            [0, end * y[best] / x[best]],
            color="0.2",
            linewidth=1,
            linestyle=(0, (4, 2)),
            label="front, constant returns",
        )
        axes.set_xlabel(plain_text(cost.axis))
        axes.set_ylabel(plain_text(output.axis))
        axes.set_xlim(0, x.max() * 1.05)
        axes.set_ylim(y.min() - 0.08 * max(np.ptp(y), 1e-9), y.max() + 0.08 * max(np.ptp(y), 1e-9))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2 if len(inputs) == 1 else 4)
    return figure


def variable_front(costs: NDArray[np.float64], gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the corners of the front of averages of models, extended downwards and to the right.

    Args:
        costs: (n,) values of one input, lower is better.
        gains: (n,) values of one output, higher is better.

    Returns:
        (k, 2) corners, cheapest first.

    >>> variable_front(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])).tolist()
    [[1.0, 1.0], [1.0, 1.0], [2.0, 3.0], [3.0, 3.0]]
    """
    points = np.column_stack([costs, gains])
    members = points[front_mask(points * [1, -1])]
    members = np.unique(members[np.lexsort((-members[:, 1], members[:, 0]))], axis=0)
    hull: list[NDArray[np.float64]] = []
    for point in members:
        while len(hull) > 1 and _turns_left(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return np.array([(hull[0][0], gains.min()), *hull, (costs.max(), hull[-1][1])])


def _turns_left(first: NDArray[np.float64], middle: NDArray[np.float64], last: NDArray[np.float64]) -> bool:
    (ax, ay), (bx, by) = middle - first, last - first
    return bool(ax * by - ay * bx >= 0)


@themed
def efficiency_boxes(samples: pd.DataFrame, scores: pd.DataFrame) -> Figure:
    """Draw the distribution of each model's efficiency over the samples.

    Args:
        samples: table EFFICIENCY_SAMPLES, highest median first.
        scores: table EFFICIENCY, whose order numbers the models.

    Source: Partovi Nia et al., figure 3a.
    """
    figure = Figure(figsize=(WIDTH_IN, 0.22 * len(samples) + 0.9), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(samples))[::-1]
    axes.boxplot(
        [np.asarray(values) for values in samples["efficiencies_pct"]], positions=places, orientation="horizontal",
        widths=0.6, whis=(5, 95), showfliers=False, patch_artist=True,
        boxprops={"facecolor": PALETTE[0], "alpha": 0.35, "linewidth": 0.8}, medianprops={"color": PALETTE[3]},
        whiskerprops={"color": "0.4"}, capprops={"color": "0.4"},
    )  # fmt: skip
    axes.set_yticks(places, labels=_numbered(samples, scores), fontsize=7.5)
    axes.tick_params(axis="y", length=0)
    # The label belongs to the figure, because next to long names the axes are narrower than this text.
    figure.supxlabel("Relative efficiency (%); boxes span the quartiles, whiskers 5 to 95 % of the samples", fontsize=9)
    axes.margins(x=0.03)
    axes.ticklabel_format(axis="x", useOffset=False)
    return figure


@themed
def efficiency_dominance(samples: pd.DataFrame, dominance: pd.DataFrame, scores: pd.DataFrame) -> Figure:
    """Draw which models are stochastically more efficient than others; arrows that follow from others are omitted.

    Args:
        samples: table EFFICIENCY_SAMPLES, highest median first.
        dominance: table DOMINANCE of these models.
        scores: table EFFICIENCY, whose order numbers the models.

    Source: Partovi Nia et al., figure 3b.
    """
    position = {model: place for place, model in enumerate(samples["model"])}
    arrows = np.zeros((len(position), len(position)), dtype=bool)
    arrows[dominance["larger"].map(position).to_numpy(int), dominance["smaller"].map(position).to_numpy(int)] = True
    layout = lay_out(arrows)
    layers, width = (
        int(layout.places[:, 1].max()) + 1,
        float(np.ptp([x for path in layout.paths.values() for x, _ in path] or [0])),
    )
    height = max(0.62 * layers + 0.4, 0.17 * len(position) + 0.4, 2.0)
    figure = Figure(figsize=(WIDTH_IN + 1.2, height), layout="constrained")
    axes, key = figure.subplots(1, 2, width_ratios=(1.15, 1))
    for path in layout.paths.values():
        axes.add_patch(
            FancyArrowPatch(
                path=_path_through([(x, -level) for x, level in path]),
                arrowstyle="-|>",
                mutation_scale=8,
                shrinkA=0,
                color="0.45",
                linewidth=0.9,
                zorder=1,
            )
        )
    axes.scatter(
        layout.places[:, 0], -layout.places[:, 1], s=250, color="white", edgecolor=PALETTE[0], linewidth=1.3, zorder=2
    )
    for number, (x, level) in zip(_numbers(samples, scores), layout.places, strict=True):
        axes.text(x, -level, str(number), ha="center", va="center", fontsize=8.5, zorder=3)
    reach = max(width, float(np.ptp(layout.places[:, 0]))) / 2 + 0.7
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-layers + 0.5, 0.5)
    axes.axis("off")
    key.axis("off")
    key.text(
        0, 1, "\n".join(_numbered(samples, scores)), va="top", fontsize=7.5, linespacing=1.5, transform=key.transAxes
    )
    return figure


def _path_through(points: Sequence[tuple[float, float]]) -> Line:
    """Return a line through points that ends at the edge of the last node's circle."""
    (x0, y0), (x1, y1) = points[-2:]
    short = 0.26 / max(float(np.hypot(x1 - x0, y1 - y0)), 0.3)
    end = (x1 - (x1 - x0) * short, y1 - (y1 - y0) * short)
    return Line([*points[:-1], end])


@themed
def efficiency_training(scores: pd.DataFrame) -> Figure:
    """Draw how the ranking changes when training costs are included.

    Args:
        scores: table EFFICIENCY with both kinds of ranks.

    Raises:
        UserError: if training costs were not scored.

    Source: Partovi Nia et al., table 1.
    """
    if scores["training_rank"].isna().all():
        raise UserError("training costs were not scored", "efficiency_training", "omit this figure")
    best = scores.nsmallest(_MAX_MODELS, "efficiency_rank", keep="first").reset_index(drop=True)
    figure = Figure(figsize=(WIDTH_IN, 0.24 * len(best) + 0.9), layout="constrained")
    axes = figure.subplots()
    with_training = best["training_efficiency_pct"].astype(float)
    places = np.arange(len(best))[::-1]
    axes.hlines(places, best["efficiency_pct"], with_training, color="0.75", linewidth=1.4, zorder=1)
    axes.scatter(best["efficiency_pct"], places, s=30, color=PALETTE[0], zorder=3, label="deployment only")
    axes.scatter(with_training, places, s=30, color=PALETTE[3], marker="D", zorder=2, label="with training costs")
    moves = zip(best["model"], best["efficiency_rank"], best["training_rank"], strict=True)
    axes.set_yticks(
        places, labels=[f"{_short(model)}  {first} → {second}" for model, first, second in moves], fontsize=7.5
    )
    axes.tick_params(axis="y", length=0)
    figure.supxlabel("Relative efficiency (%); numbers after the names: rank without → with training costs", fontsize=9)
    axes.margins(x=0.04)
    axes.ticklabel_format(axis="x", useOffset=False)
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def check_scored_columns(scores: pd.DataFrame, columns: Sequence[str]) -> None:
    """Check that inputs and outputs are in a table of scores.

    Args:
        scores: table EFFICIENCY.
        columns: inputs and outputs to draw.

    Raises:
        UserError: if a column was not scored.
    """
    if unknown := [column for column in columns if f"own_{column}" not in scores]:
        known = [str(name).removeprefix("own_") for name in scores if str(name).startswith("own_")]
        raise UserError(
            f"{unknown[0]} was not scored", "efficiency.inputs and efficiency.outputs", f"use {', '.join(known)}"
        )


def check_same_models(samples: pd.DataFrame, dominance: pd.DataFrame, scores: pd.DataFrame) -> None:
    """Check that all models of a dominance table have samples, and all models with samples have scores.

    Args:
        samples: table EFFICIENCY_SAMPLES.
        dominance: table DOMINANCE.
        scores: table EFFICIENCY.

    Raises:
        UserError: if a model has no samples, or no scores.
    """
    if unscored := set(samples["model"]) - set(scores["model"]):
        raise UserError(f"{min(unscored)} has no scores", "efficiency_samples", "use tables of the same run")
    if foreign := (set(dominance["larger"]) | set(dominance["smaller"])) - set(samples["model"]):
        raise UserError(f"{min(foreign)} has no samples", "dominance", "use tables of the same run")


def _numbers(samples: pd.DataFrame, scores: pd.DataFrame) -> list[int]:
    """Return the number of each model in the table of scores, from 1."""
    places = {model: place for place, model in enumerate(scores["model"], start=1)}
    return [places[model] for model in samples["model"]]


def _numbered(samples: pd.DataFrame, scores: pd.DataFrame) -> list[str]:
    numbers = _numbers(samples, scores)
    return [f"{number}  {_short(model)}" for number, model in zip(numbers, samples["model"], strict=True)]


def _short(name: str) -> str:
    short = name if len(name) <= _MAX_NAME_LENGTH else shorten(name[: _MAX_NAME_LENGTH - 1], _MAX_NAME_LENGTH) + "…"
    return plain_text(short)
