"""Plots of the front's networks in lower precisions: accuracy against file size and latency."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_lib.report.plots.style import PALETTE, scatter, set_log, themed
from workflow_lib.report.tables import candidates_only

_MARKS = {"fp32": ("o", PALETTE[0]), "fp16": ("^", PALETTE[1]), "int8": ("s", PALETTE[2])}


@themed
def front_precisions(precisions: pd.DataFrame, ranked: pd.DataFrame) -> Figure:
    """Draw accuracy against file size, with all candidates, and against measured latency.

    Lines connect the files of one network.

    Args:
        precisions: table PRECISIONS.
        ranked: the front table, all candidates and baselines.
    """
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    by_bytes, by_latency = figure.subplots(1, 2, sharey=True)
    others = candidates_only(ranked)
    scatter(by_bytes, "candidates", others["memory_bytes"] / 1e6, others["accuracy_pct"])
    table = precisions.assign(memory_mb=precisions["memory_bytes"] / 1e6)
    for axes, column in ((by_bytes, "memory_mb"), (by_latency, "latency_ms")):
        for _, network in table.groupby("candidate", sort=False):
            axes.plot(network[column], network["accuracy_pct"], color="#b0b0b0", linewidth=0.8, zorder=2)
        for name, (marker, colour) in _MARKS.items():
            rows = table[table["precision"] == name]
            if len(rows):
                axes.errorbar(
                    rows[column], rows["accuracy_pct"], yerr=rows["accuracy_error_pct"].fillna(0), fmt=marker,
                    color=colour, markersize=5, elinewidth=0.6, label=name, zorder=3,
                )  # fmt: skip
        lossy = table[table["lossy"].astype(bool)]
        if len(lossy):
            axes.scatter(
                lossy[column], lossy["accuracy_pct"], s=90, facecolors="none", edgecolors=PALETTE[3], linewidths=1.4,
                label="loss too high", zorder=4,
            )  # fmt: skip
    set_log(by_bytes.xaxis, pd.concat([table["memory_mb"], others["memory_bytes"] / 1e6]))
    set_log(by_latency.xaxis, table["latency_ms"])
    by_bytes.set(xlabel="ONNX file (MB)", ylabel="Accuracy (%), with standard error")
    by_latency.set(xlabel="Latency measured on this machine (ms)")
    figure.legend(*by_bytes.get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return figure
