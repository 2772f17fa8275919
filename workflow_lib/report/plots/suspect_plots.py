"""Plots of chips with doubtful labels: pictures of them, and a map of where candidates err."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator
from numpy.typing import NDArray

from workflow_lib.report.plots.style import themed

_COLUMNS, _MAX_PICTURES = 6, 24
_COLOURS = ("red", "green", "blue")


@themed
def suspect_pictures(suspects: pd.DataFrame, pixels: NDArray[np.floating[Any]], bands: Sequence[str]) -> Figure:
    """Show the most doubtful chips, with their given and suggested class.

    Args:
        suspects: table SUSPECTS.
        pixels: (chips, height, width, bands) chip array.
        bands: name of each band; red, green and blue are shown in colour if all exist, else the first band in grey.
    """
    shown = suspects.sort_values("rank").head(_MAX_PICTURES)
    rows = -(-len(shown) // _COLUMNS)
    figure = Figure(figsize=(7.2, 1.62 * rows + 0.1), layout="constrained")
    panels = list(figure.subplots(rows, _COLUMNS, squeeze=False).flat)
    for axes in panels:
        axes.set_axis_off()
    for axes, row in zip(panels, shown.to_dict("records"), strict=False):
        axes.imshow(_picture(pixels[row["chip"]], bands), cmap="gray", interpolation="nearest")
        suggestion = f" → {row['suggested']}?" if row["suggested"] != row["class"] else ""
        text = f"{row['rank']}: {row['class']}{suggestion}\n{row['wrong_pct']:.0f} % disagree"
        axes.set_title(text, fontsize=7.5)
    return figure


def _picture(chip: NDArray[np.floating[Any]], bands: Sequence[str]) -> NDArray[np.float64]:
    """Stretch the shown bands of a chip to 0..1, without the extreme 2 %."""
    chosen = [bands.index(name) for name in _COLOURS] if set(_COLOURS) <= set(bands) else [0]
    values = chip[..., chosen].astype(np.float64)
    low, high = np.percentile(values, [2, 98], axis=(0, 1))
    stretched: NDArray[np.float64] = np.clip((values - low) / np.where(high > low, high - low, 1), 0, 1)
    return stretched if len(chosen) == 3 else stretched[..., 0]


@themed
def error_map(suspects: pd.DataFrame) -> Figure:
    """Draw every validation chip at its location, coloured by the share of good candidates that misclassify it.

    Args:
        suspects: table SUSPECTS.
    """
    regions = list(suspects["region"].unique())
    columns = min(2 if len(regions) in (2, 4) else 3, len(regions))
    rows = -(-len(regions) // columns)
    figure = Figure(figsize=(max(4.2, 3.2 * columns), 3.0 * rows + 0.3), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    points: Any = None
    for axes, region in zip(panels, regions, strict=False):
        part = suspects[suspects["region"] == region].sort_values("wrong_pct")
        x, y = part["x"] - part["x"].min(), part["y"] - part["y"].min()
        points = axes.scatter(x, y, c=part["wrong_pct"], cmap="YlOrRd", vmin=0, vmax=100, s=9, edgecolors="0.6", lw=0.2)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_title(f"{region}: {part['wrong_pct'].mean():.1f} % wrong")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(4))
            axis.set_major_formatter(EngFormatter(sep=""))
    for axes in panels[len(regions) :]:
        axes.remove()
    figure.colorbar(points, ax=panels[: len(regions)], label="Good candidates that are wrong (%)", shrink=0.8)
    figure.supxlabel("East of the westernmost chip (CRS unit)", fontsize=9)
    figure.supylabel("North of the southernmost chip (CRS unit)", fontsize=9)
    return figure
