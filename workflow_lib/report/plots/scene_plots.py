"""Maps of scenes: where chips were cut, and what a model found."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from workflow_lib.report.plots.style import PALETTE, themed

Backdrop = tuple[NDArray[Any], tuple[float, float, float, float]]
"""(bands, height, width) masked pixels, and their bounds (left, bottom, right, top)."""

OVERVIEW_PX = 900
"""Length of the longer side of an area's imagery in figures (pixels)."""

_STRETCH_PCT = (2, 98)


@themed
def sample_map(samples: pd.DataFrame, backdrops: Mapping[str, Backdrop]) -> Figure:
    """Draw the samples of each region on its imagery.

    Args:
        samples: table SAMPLES.
        backdrops: region -> imagery in the CRS of its samples.
    """
    figure, panels = _panels(list(backdrops))
    classes = list(dict.fromkeys(samples.loc[samples["reason"].isna(), "class"]))
    for axes, (region, backdrop) in zip(panels, backdrops.items(), strict=True):
        here = samples[samples["region"] == region]
        draw_backdrop(axes, backdrop)
        kept = here[here["reason"].isna()]
        for number, label in enumerate(classes):
            chosen = kept[kept["class"] == label]
            axes.scatter(
                chosen["x"], chosen["y"], s=16, color=PALETTE[number % len(PALETTE)], edgecolors="white",
                linewidths=0.6, label=f"{label} ({(samples['reason'].isna() & (samples['class'] == label)).sum()})",
            )  # fmt: skip
        lost = here[here["reason"].notna()]
        axes.scatter(
            lost["x"], lost["y"], s=18, marker="x", color="black", linewidths=0.9,
            label=f"no chip ({samples['reason'].notna().sum()})",
        )  # fmt: skip
        axes.set_title(f"{region} ({len(kept)} chips)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(classes) + 1)
    return figure


_OUTCOMES: dict[str, dict[str, Any]] = {
    "hit": {"marker": "o", "edgecolors": PALETTE[2]},
    "false alarm": {"marker": "s", "edgecolors": PALETTE[3]},
    "missed": {"marker": "D", "edgecolors": PALETTE[0]},
    "uncovered": {"marker": "D", "edgecolors": "#808080"},
    "unknown": {"marker": "o", "edgecolors": PALETTE[1]},
}


@themed
def area_maps(detections: pd.DataFrame, areas: Mapping[str, tuple[Backdrop, Backdrop]]) -> Figure:
    """Draw a model's detections in each area, next to its probabilities.

    Args:
        detections: table DETECTIONS.
        areas: area -> imagery, and probability of the target class.
    """
    figure, panels = _panels([area for area in areas for _ in range(2)])
    outcomes = [name for name in _OUTCOMES if name in set(detections["outcome"])]
    for (area, (imagery, probability)), left, right in zip(areas.items(), panels[::2], panels[1::2], strict=True):
        draw_backdrop(left, imagery)
        for outcome in outcomes:
            places = detections[(detections["area"] == area) & (detections["outcome"] == outcome)]
            label = f"{outcome} ({(detections['outcome'] == outcome).sum()})"
            mark = _OUTCOMES[outcome]
            left.scatter(places["x"], places["y"], s=44, facecolors="none", linewidths=1.4, label=label, **mark)
        pixels, (west, south, east, north) = probability
        image = right.imshow(
            pixels[0], extent=(west, east, south, north), vmin=0, vmax=1, cmap="magma", interpolation="nearest"
        )
        figure.colorbar(image, ax=right, shrink=0.75, label="probability")
        right.set(xlim=left.get_xlim(), ylim=left.get_ylim())
        _show_coordinates(right)
        left.set_title(area)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(outcomes))
    return figure


@themed
def map_scores(scores: pd.DataFrame) -> Figure:
    """Draw precision against recall of each area for rising thresholds.

    Bars are 95 % intervals at the applied threshold.

    Args:
        scores: table MAP_SCORES.
    """
    figure = Figure(figsize=(4.4, 3.8), layout="constrained")
    axes = figure.subplots()
    for number, (area, rows) in enumerate(scores.groupby("area", sort=False)):
        colour, used = PALETTE[number % len(PALETTE)], rows.loc[[rows["threshold"].idxmin()]]
        known = rows.dropna(subset=["precision_pct", "recall_pct"])
        axes.plot(known["recall_pct"], known["precision_pct"], color=colour, linewidth=1.2)
        recall, precision = (
            np.abs(used[[f"{name}_low_pct", f"{name}_high_pct"]].to_numpy().T - used[f"{name}_pct"].to_numpy())
            for name in ("recall", "precision")
        )
        axes.errorbar(
            used["recall_pct"], used["precision_pct"], xerr=recall, yerr=precision, fmt="o", color=colour, capsize=2,
            label=f"{area}, from {used['threshold'].iloc[0]:g}",
        )  # fmt: skip
    axes.set(xlabel="Recall (% of true places)", ylabel="Precision (% of detections)", xlim=(0, 102), ylim=(0, 102))
    axes.legend(title="area, threshold", loc="lower left")
    return figure


def draw_backdrop(axes: Axes, backdrop: Backdrop) -> None:
    """Draw imagery with coordinates: the first three bands in colour, or a single band in grey."""
    pixels, (left, bottom, right, top) = backdrop
    scaled = np.stack([_stretch(band) for band in visible_bands(pixels)], axis=-1)
    image = scaled if scaled.shape[-1] == 3 else np.repeat(scaled, 3, axis=-1)
    axes.imshow(image, extent=(left, right, bottom, top), interpolation="nearest")
    _show_coordinates(axes)


def _show_coordinates(axes: Axes) -> None:
    axes.set_aspect("equal")
    axes.grid(visible=False)
    axes.ticklabel_format(style="plain", useOffset=False)
    axes.tick_params(labelsize=6)
    axes.locator_params(nbins=4)


def _stretch(band: NDArray[Any]) -> NDArray[np.float64]:
    """Scale one band to the range from 0 to 1; nodata is white."""
    low, high = visible_range(band)
    return np.ma.filled(np.ma.clip((band - low) / (high - low), 0, 1).astype(float), 1.0)


def visible_range(band: NDArray[Any]) -> tuple[float, float]:
    """Return the values of a masked band that are shown darkest and brightest."""
    values = np.ma.compressed(band)
    low, high = np.percentile(values, _STRETCH_PCT) if len(values) else (0.0, 1.0)
    return float(low), float(low) + max(float(high - low), 1e-9)


def visible_bands(pixels: NDArray[Any]) -> NDArray[Any]:
    """Select the bands of imagery that are shown: the first three in colour, or a single one in grey."""
    return pixels[:3] if len(pixels) >= 3 else pixels[:1]


def _panels(names: list[str]) -> tuple[Figure, list[Axes]]:
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(3.6 * columns + 0.6, 3.6 * rows + 0.5), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels[len(names) :]:
        axes.remove()
    return figure, panels[: len(names)]
