"""Plots of the latency on each device."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_lib.core.candidate import NETWORK_KEYS
from workflow_lib.pareto.front_config import Objective
from workflow_lib.report.names import device_column
from workflow_lib.report.plots.style import PALETTE, WIDTH_IN, set_log, themed, wants_log
from workflow_lib.report.tables import baseline_rows, front_members

MAX_MEMBERS = 40
"""Maximum number of front members in the figure; the figure states how many are omitted."""

_MARKERS = "osD^vPX*<>"


@themed
def latency_devices(ranked: pd.DataFrame, objectives: Sequence[Objective], devices: Sequence[str]) -> Figure:
    """Draw one row per front member and distinct baseline network, with one mark per device.

    Args:
        ranked: the front table, all candidates and baselines.
        objectives: the objectives of the front; they determine the order of the members.
        devices: names of devices, whose latencies are the columns `latency_<device>_ms`.
    """
    all_members = front_members(ranked, objectives)
    members = all_members.head(MAX_MEMBERS)
    # Latency does not depend on the training batch: one row per network is enough.
    baselines = baseline_rows(ranked).drop_duplicates(NETWORK_KEYS)
    rows = pd.concat([members, baselines])
    values = rows[[device_column(device) for device in devices]].astype(float)
    figure = Figure(figsize=(WIDTH_IN, 0.2 * len(rows) + 1.25), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(rows))[::-1] - np.where(rows["baseline"].astype(bool), 0.5, 0)
    axes.hlines(places, values.min(axis=1), values.max(axis=1), color="0.8", linewidth=1.2, zorder=1)
    for position, device in enumerate(devices):
        marker, colour = _MARKERS[position % len(_MARKERS)], PALETTE[position % len(PALETTE)]
        axes.scatter(
            values[device_column(device)], places, s=22, marker=marker, color=colour, edgecolor="white",
            linewidth=0.4, label=device, zorder=3,
        )  # fmt: skip
    axes.scatter(rows["latency_mean_ms"], places, s=60, marker="|", color="black", linewidth=1.2, zorder=2)
    labels = [f"{number}  {row['candidate']}" for number, row in members.iterrows()]
    labels += [f"baseline  {row['channels']}, {row['architecture']}" for _, row in baselines.iterrows()]
    axes.set_yticks(places, labels=labels, fontsize=7.5)
    axes.set_ylim(places.min() - 0.7, places.max() + 0.7)
    axes.tick_params(axis="y", length=0)
    omitted = (
        f"; {len(all_members) - len(members)} more front members are not drawn"
        if len(all_members) > MAX_MEMBERS
        else ""
    )
    axes.set_xlabel(f"Latency of one chip (ms){omitted}")
    if wants_log(pd.Series(values.to_numpy().ravel())):
        set_log(axes.xaxis, pd.Series(values.to_numpy().ravel()))
    else:
        axes.set_xlim(left=0)
    mean = Line2D([], [], color="black", marker="|", linestyle="none", markersize=8, label="mean over devices")
    handles = [*axes.get_legend_handles_labels()[0], mean]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


@themed
def transfer_error(transfer: pd.DataFrame) -> Figure:
    """Draw the error of transferred predictors over the number of measured networks.

    Args:
        transfer: rows of table TRANSFER.
    """
    figure = Figure(figsize=(4.8, 3.6), layout="constrained")
    axes = figure.subplots()
    for colour, (device, rows) in zip(cycle(PALETTE), transfer.groupby("device", sort=False), strict=False):
        axes.plot(rows["networks"], rows["error_pct"], color=colour, marker="o", label=f"{device}: median")
        axes.plot(
            rows["networks"],
            rows["largest_error_pct"],
            color=colour,
            marker="o",
            linestyle=":",
            label=f"{device}: largest",
        )
    sizes = sorted(transfer["networks"].unique())
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size}" for size in sizes])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Measured networks")
    axes.set_ylabel("Absolute error on the others (%)")
    axes.legend()
    return figure


@themed
def predictor_validation(validation: pd.DataFrame) -> Figure:
    """Draw predicted against measured latency of whole networks, with one panel per fitted predictor.

    Args:
        validation: rows of table VALIDATION of all fitted predictors.
    """
    devices = list(validation.groupby(["device", "precision"], sort=False))
    columns = min(2, len(devices))
    rows = -(-len(devices) // columns)
    figure = Figure(figsize=(min(WIDTH_IN, 3.9 * columns), 3.6 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(devices) :]:
        axes.set_axis_off()
    for axes, ((device, precision), frame) in zip(panels[: len(devices)], devices, strict=True):
        both = pd.concat([frame["latency_ms"], frame["predicted_ms"]])
        ends = np.array([both.min() / 1.15, both.max() * 1.15])
        axes.fill_between(ends, ends / 1.1, ends * 1.1, color="0.92", zorder=0)
        axes.plot(ends, ends, color="0.6", linewidth=1, zorder=1)
        for use, colour in (("calibration", "0.55"), ("validation", PALETTE[0])):
            part = frame[frame["use"] == use]
            axes.scatter(
                part["latency_ms"], part["predicted_ms"], s=24, color=colour, edgecolor="white", linewidth=0.4,
                label=f"{use} ({len(part)})", zorder=3,
            )  # fmt: skip
        for axis in (axes.xaxis, axes.yaxis):
            set_log(axis, both)
        axes.set_aspect("equal")
        axes.set_title(f"{device}, {precision}" if validation["precision"].nunique() > 1 else str(device))
        axes.set_xlabel("Measured latency (ms)")
        axes.set_ylabel("Predicted latency (ms)")
        axes.legend(loc="upper left")
    return figure
