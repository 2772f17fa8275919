"""Plots of utilization, accuracy and throughput, and the roofline of a machine."""

from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import kendalltau

from workflow_lib.analysis.utilization_pairs import METRICS, flag, on_all_fronts, with_utilization
from workflow_lib.core.candidate import TRAINED
from workflow_lib.report.plots.style import PALETTE, WIDTH_IN, scatter, set_log, themed, wants_log
from workflow_lib.report.tables import baseline_rows, candidates_only

_GIGA = 1e9


@themed
def utilization_fronts(ranked: pd.DataFrame, utilizations: pd.DataFrame) -> Figure:
    """Draw every pair of accuracy, throughput and utilization, coloured by intensity over the machine's peak/bandwidth.

    Args:
        ranked: the front table, all candidates and baselines.
        utilizations: table UTILIZATIONS.

    Source: Kosaian and Phanishayee, figures 1 and 2a.
    """
    table = with_utilization(ranked, utilizations)
    ratio = (table["intensity"] / (table["peak_flops_per_s"] / table["bandwidth_bytes_per_s"])).to_numpy()
    on_all = on_all_fronts(table).to_numpy()
    pairs = list(combinations(METRICS, 2))
    figure = Figure(figsize=(3.1 * len(pairs) + 0.6, 3.2), layout="constrained")
    for axes, (y, x) in zip(figure.subplots(1, len(pairs)), pairs, strict=True):
        member = table[flag(y, x)].to_numpy()
        line = table[member].sort_values(x)
        axes.plot(
            line[x], line[y], color="0.3", linewidth=1, linestyle=(0, (4, 2)), zorder=1, label="front of the pair"
        )
        axes.scatter(table[x], table[y], c=ratio, cmap="cividis", s=np.where(member, 34, 14), zorder=2)
        axes.scatter(
            table.loc[on_all, x], table.loc[on_all, y], s=110, facecolor="none", edgecolor=PALETTE[3],
            linewidth=1.4, zorder=3, label="on all three fronts",
        )  # fmt: skip
        for axis, name in ((axes.xaxis, x), (axes.yaxis, y)):
            axis.set_label_text(METRICS[name])
            if wants_log(table[name]):
                set_log(axis, table[name])
    figure.colorbar(
        figure.axes[0].collections[0], ax=figure.axes, label="Intensity / ratio of peak to bandwidth", pad=0.01
    )
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


@themed
def utilization_roofline(ranked: pd.DataFrame, utilizations: pd.DataFrame, layers: pd.DataFrame) -> Figure:
    """Draw the speed of each network below the machine's roofline, and the layers of the recommended network on it.

    Args:
        ranked: the front table, all candidates and baselines.
        utilizations: table UTILIZATIONS.
        layers: table LAYERS.

    Source: Williams, Waterman and Patterson 2009.
    """
    figure = Figure(figsize=(WIDTH_IN, 4.0), layout="constrained")
    axes = figure.subplots()
    networks = ranked.sort_values("recommended", ascending=False, kind="stable")
    rows = networks.drop_duplicates(["channels", "architecture"]).merge(utilizations, on=["channels", "architecture"])
    recommended = ranked[ranked["recommended"].astype(bool)].iloc[0]
    own_layers = layers[
        (layers["channels"] == recommended["channels"]) & (layers["architecture"] == recommended["architecture"])
    ]
    peak, bandwidth = rows["peak_flops_per_s"].median(), rows["bandwidth_bytes_per_s"].median()
    x = pd.concat([own_layers["intensity"], rows["intensity"], pd.Series([peak / bandwidth])])
    ends = np.geomspace(x.min() / 2, x.max() * 2, 200)
    axes.plot(ends, roof(ends, peak, bandwidth) / _GIGA, color="0.2", linewidth=1.3, label="roof")
    axes.axvline(peak / bandwidth, color="0.7", linewidth=0.8, linestyle=(0, (4, 2)))
    _layer_marks(axes, own_layers, peak, bandwidth)
    speed = rows["images_per_s"] * rows["flops_per_image"] / _GIGA
    for group, mask in (
        ("candidates", ~rows["baseline"].astype(bool)),
        ("baselines", rows["baseline"].astype(bool)),
        ("recommended", rows["recommended"].astype(bool)),
    ):
        if mask.any():
            scatter(axes, group, rows.loc[mask, "intensity"], speed[mask])
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("Arithmetic intensity (FLOP per byte); dashed: the machine's ratio of peak to bandwidth")
    axes.set_ylabel("GFLOP/s")
    figure.legend(loc="outside upper center", ncols=5)
    return figure


def roof(intensity: NDArray[np.float64], peak: float, bandwidth: float) -> NDArray[np.float64]:
    """Compute the speed that a machine can reach at an arithmetic intensity (FLOP/s).

    Args:
        intensity: (n,) arithmetic intensities (FLOP/B).
        peak: speed of the machine's arithmetic (FLOP/s).
        bandwidth: memory bandwidth (B/s).

    >>> roof(np.array([1.0, 8.0]), peak=100.0, bandwidth=20.0).tolist()
    [20.0, 100.0]
    """
    return np.minimum(peak, bandwidth * intensity)


def _layer_marks(axes: Axes, layers: pd.DataFrame, peak: float, bandwidth: float) -> None:
    """Draw the recommended network's layers on the roof, with an area by their FLOPs."""
    share = layers["flops"] / layers["flops"].sum()
    intensity = layers["intensity"].to_numpy(dtype=float)
    axes.scatter(
        intensity, roof(intensity, peak, bandwidth) / _GIGA, s=12 + 500 * share, color=PALETTE[1], alpha=0.55,
        edgecolor="white", linewidth=0.5, label="its layers, by FLOPs", zorder=2,
    )  # fmt: skip


@themed
def utilization_accuracy(ranked: pd.DataFrame, utilizations: pd.DataFrame) -> Figure:
    """Draw accuracy against utilization, with Kendall's tau between them.

    Args:
        ranked: the front table, all candidates and baselines.
        utilizations: table UTILIZATIONS.

    Source: Kosaian and Phanishayee, figure 3.
    """
    measured = ranked[ranked["precision"] == TRAINED]
    table = candidates_only(measured).merge(utilizations, on=["channels", "architecture"])
    baselines = baseline_rows(measured).merge(utilizations, on=["channels", "architecture"])
    figure = Figure(figsize=(5.2, 3.6), layout="constrained")
    axes = figure.subplots()
    scatter(axes, "candidates", table["utilization_pct"], table["accuracy_pct"], scale=1.6)
    if len(baselines):
        scatter(axes, "baselines", baselines["utilization_pct"], baselines["accuracy_pct"])
    tau, p_value = kendalltau(table["utilization_pct"], table["accuracy_pct"]) if len(table) > 2 else (np.nan, np.nan)
    found = (
        f"Kendall's τ = {tau:.2f} (p = {p_value:.2g})" if np.isfinite(tau) else "too few candidates for a correlation"
    )
    axes.set_title(f"{found}, {len(table)} candidates")
    axes.set_xlabel(METRICS["utilization_pct"])
    axes.set_ylabel(METRICS["accuracy_pct"])
    figure.legend(loc="outside upper center", ncols=2)
    return figure


@themed
def utilization_folded(utilizations: pd.DataFrame) -> Figure:
    """Draw the effect of folding on throughput and utilization, with an arrow from each network to its folded version.

    Args:
        utilizations: table UTILIZATIONS; networks that were measured with and without folding are drawn.

    Source: Kosaian and Phanishayee, figure 2b.
    """
    pairs = folded_pairs(utilizations)
    x, y = "images_per_s", "utilization_pct"
    figure = Figure(figsize=(WIDTH_IN, 4.0), layout="constrained")
    axes = figure.subplots()
    for from_x, from_y, to_x, to_y in pairs[[x, y, f"{x}_folded", f"{y}_folded"]].itertuples(index=False):
        arrow = {"arrowstyle": "-|>", "color": "0.75", "linewidth": 0.8, "shrinkB": 3}
        axes.annotate("", (to_x, to_y), (from_x, from_y), arrowprops=arrow)
    images = pairs["images"].iloc[0]
    axes.scatter(pairs[x], pairs[y], s=22, color="0.45", zorder=3, label="original networks")
    axes.scatter(
        pairs[f"{x}_folded"], pairs[f"{y}_folded"], s=26, color=PALETTE[0], marker="s", zorder=4,
        label=f"folded, {images} images per pass",
    )  # fmt: skip
    for axis, name in ((axes.xaxis, x), (axes.yaxis, y)):
        axis.set_label_text(METRICS[name])
        both = pd.concat([pairs[name], pairs[f"{name}_folded"]])
        if wants_log(both):
            set_log(axis, both)
    gain = (pairs[f"{x}_folded"] / pairs[x]).median()
    axes.set_title(f"{len(pairs)} networks; throughput times {gain:.2f} (median)")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def folded_pairs(utilizations: pd.DataFrame) -> pd.DataFrame:
    """Join each network with its folded version.

    Args:
        utilizations: table UTILIZATIONS.

    Returns:
        One row per network that was measured both ways; the folded version's columns have the suffix `_folded`, and
        `images` is the number of images that are folded into one.
    """
    names = utilizations["architecture"].str.extract(r"^(?P<plain>.+)-f(?P<images>\d+)$")
    folded = utilizations.assign(images=names["images"], architecture=names["plain"]).dropna(subset=["images"])
    return utilizations.merge(folded, on=["channels", "architecture"], suffixes=("", "_folded"))
