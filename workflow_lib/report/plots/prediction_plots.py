"""Plots of the recommended model's predictions: confusion matrix, curves over thresholds, and reliability."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import auc, average_precision_score, confusion_matrix, precision_recall_curve, roc_curve

from workflow_lib.analysis.calibration import BINS, calibration_error_pct, reliability
from workflow_lib.report.plots.style import PALETTE, themed

_MIN_CHIPS = 5
"""Chips that a bin of the reliability diagram must have to be drawn."""


@themed
def confusion(assessed: pd.DataFrame, classes: Sequence[str]) -> Figure:
    """Draw the confusion matrix: counts, coloured by the share of the given class.

    Args:
        assessed: table ASSESSED.
        classes: class names, in the order of the probabilities.
    """
    truth, probabilities = _arrays(assessed, "probabilities", classes)
    counts = confusion_matrix(truth, probabilities.argmax(axis=1), labels=range(len(classes)))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(2.6, 0.7 * len(classes) + 1.6)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.grid(visible=False)
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="Predicted class", ylabel="Given class")
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        colour = "white" if share > 0.5 else "0.1"
        axes.text(column, row, f"{count:,}\n{100 * share:.1f} %", ha="center", va="center", color=colour)
    return figure


@themed
def score_curves(assessed: pd.DataFrame, classes: Sequence[str]) -> Figure:
    """Draw the ROC curve and the precision-recall curve of each class against the rest; of two classes, the last.

    Args:
        assessed: table ASSESSED.
        classes: class names, in the order of the probabilities.
    """
    truth, probabilities = _arrays(assessed, "probabilities", classes)
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    roc, recall = figure.subplots(1, 2)
    shown = [label for label in range(len(classes)) if 0 < (truth == label).sum() < len(truth)]
    for label in shown[-1:] if len(classes) == 2 else shown:
        positive, scores, colour = truth == label, probabilities[:, label], PALETTE[label % len(PALETTE)]
        false_rate, true_rate, _ = roc_curve(positive, scores)
        precision, found, _ = precision_recall_curve(positive, scores)
        name = f"class {classes[label]}"
        area = auc(false_rate, true_rate)
        roc.plot(100 * false_rate, 100 * true_rate, color=colour, label=f"{name}: area {area:.3f}")
        area = average_precision_score(positive, scores)
        recall.step(100 * found, 100 * precision, where="post", color=colour, label=f"{name}: area {area:.3f}")
        recall.axhline(100 * positive.mean(), color=colour, linestyle=":", linewidth=0.9)
    roc.plot([0, 100], [0, 100], color="0.6", linestyle=":", linewidth=0.9)
    roc.set(xlabel="False positives (% of other classes)", ylabel="True positives (% of the class)", title="ROC")
    recall.set(xlabel="Recall (%)", ylabel="Precision (%)", ylim=(0, 102), title="Precision and recall")
    for axes in (roc, recall):
        axes.legend(loc="lower center")
    return figure


@themed
def reliability_diagram(assessed: pd.DataFrame, classes: Sequence[str]) -> Figure:
    """Draw accuracy over confidence, before and after calibration, and how often each confidence occurs.

    Args:
        assessed: table ASSESSED.
        classes: class names, in the order of the probabilities.
    """
    figure = Figure(figsize=(4.6, 4.4), layout="constrained")
    curve, counts = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    curve.plot([0, 100], [0, 100], color="0.6", linestyle=":", linewidth=0.9, label="ideal")
    steps = {"probabilities": ("as trained", PALETTE[1], "o"), "calibrated": ("with temperature", PALETTE[0], "s")}
    for column, (name, colour, marker) in steps.items():
        truth, probabilities = _arrays(assessed, column, classes)
        table = reliability(probabilities, truth)
        table = table[table["chips"] >= _MIN_CHIPS]
        error = calibration_error_pct(probabilities, truth)
        curve.plot(
            100 * table["confidence"], 100 * table["accuracy"], marker=marker, markersize=4, color=colour,
            label=f"{name}: error {error:.1f} %",
        )  # fmt: skip
        counts.hist(
            100 * probabilities.max(axis=1), bins=np.linspace(0, 100, BINS + 1).tolist(), histtype="step",
            color=colour, linewidth=1.2,
        )  # fmt: skip
    low = 100 / len(classes) - 2
    curve.set(ylabel="Accuracy (%)", ylim=(0, 102), xlim=(low, 101))
    counts.set(xlabel="Confidence: highest probability (%)", ylabel="Chips")
    curve.legend(loc="upper left")
    return figure


@themed
def selection_curve(selection: pd.DataFrame, recommended: str) -> Figure:
    """Draw the error of the decided chips over their share, for rising thresholds of abstention.

    Args:
        selection: table SELECTION.
        recommended: name of the recommended candidate.
    """
    figure = Figure(figsize=(5.0, 3.4), layout="constrained")
    axes = figure.subplots()
    known = selection.dropna(subset=["error_pct"])
    for _, rows in known[known["candidate"] != recommended].groupby("candidate"):
        axes.plot(rows["decided_pct"], rows["error_pct"], color="0.8", linewidth=0.7, zorder=1)
    rows = known[known["candidate"] == recommended].drop_duplicates("decided_pct", keep="last")
    axes.fill_between(rows["decided_pct"], rows["error_pct"], rows["error_high_pct"], color=PALETTE[0], alpha=0.15)
    axes.plot(rows["decided_pct"], rows["error_pct"], "o-", color=PALETTE[0], markersize=3, linewidth=1.2)
    for row in rows.iloc[::2].itertuples():
        axes.annotate(
            f"{row.threshold:g}", (row.decided_pct, row.error_pct), (0, 5), textcoords="offset points", fontsize=7,
            ha="center",
        )  # fmt: skip
    axes.set(xlabel="Decided chips (%)", ylabel="Error of decided chips (%)", xlim=(0, 102))
    axes.set_ylim(bottom=0)
    return figure


def _arrays(
    assessed: pd.DataFrame, column: str, classes: Sequence[str]
) -> tuple[NDArray[np.integer[Any]], NDArray[np.float64]]:
    """Return (n,) class numbers and (n, classes) probabilities."""
    numbers = {name: number for number, name in enumerate(classes)}
    return assessed["class"].map(numbers).to_numpy(dtype=np.int64), np.stack(assessed[column].to_list())
