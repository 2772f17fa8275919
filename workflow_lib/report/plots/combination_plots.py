"""Plot of cascades and ensembles beside the front."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_lib.report.plots.style import PALETTE, scatter, set_log, themed, wants_log

_MARKS = {"cascade": ("^", PALETTE[2]), "ensemble": ("s", PALETTE[1])}


@themed
def combinations_plot(combinations: pd.DataFrame, ranked: pd.DataFrame) -> Figure:
    """Draw accuracy over expected latency of all combinations and of the front members.

    Args:
        combinations: table COMBINATIONS.
        ranked: the front table, all candidates and baselines.
    """
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    for kind, (marker, colour) in _MARKS.items():
        rows = combinations[combinations["kind"] == kind]
        extending = rows["extends_front"].astype(bool)
        axes.scatter(
            rows["latency_mean_ms"][~extending], rows["accuracy_pct"][~extending], marker=marker, s=12, color="0.75",
            linewidths=0, zorder=1,
        )  # fmt: skip
        axes.scatter(
            rows["latency_mean_ms"][extending], rows["accuracy_pct"][extending], marker=marker, s=22, color=colour,
            edgecolors="white", linewidths=0.4, zorder=3, label=f"{kind} that extends the front",
        )  # fmt: skip
    members = ranked[ranked["on_front"].astype(bool)]
    recommended = members["recommended"].astype(bool)
    for group, rows in (("front", members[~recommended]), ("recommended", members[recommended])):
        scatter(axes, group, rows["latency_mean_ms"], rows["accuracy_pct"])
    latencies = pd.concat([combinations["latency_mean_ms"], members["latency_mean_ms"]])
    if wants_log(latencies):
        set_log(axes.xaxis, latencies)
    axes.set(xlabel="Expected latency, mean over devices (ms)", ylabel="Accuracy (%)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
