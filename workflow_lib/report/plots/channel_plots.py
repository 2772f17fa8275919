"""Plots of sample chips, channel by channel (CROSS figure 1)."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from numpy.typing import NDArray

from workflow_lib.report.plots.style import themed

_COLOURS = "cividis"


@themed
def input_channels(samples: Sequence[tuple[str, NDArray[np.floating]]], channels: Sequence[str]) -> Figure:
    """Draw one row per sample chip and one panel per channel, each scaled from its own minimum to its maximum.

    Args:
        samples: pairs of a title, such as the class, and a (height, width, len(channels)) array.
        channels: names of the channels.

    Raises:
        ValueError: if an array has another shape.
    """
    for title, chip in samples:
        if chip.ndim != 3 or chip.shape[2] != len(channels):
            raise ValueError(f"sample {title!r} has shape {chip.shape}, not (height, width, {len(channels)})")
    figure = Figure(figsize=(1.15 * len(channels) + 1.0, 1.2 * len(samples) + 0.6), layout="constrained")
    grid = figure.subplots(len(samples), len(channels), squeeze=False)
    for row, (axes_of_row, (title, chip)) in enumerate(zip(grid, samples, strict=True)):
        for position, (axes, channel) in enumerate(zip(axes_of_row, channels, strict=True)):
            axes.imshow(chip[..., position], cmap=_COLOURS, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.grid(visible=False)
            if row == 0:
                axes.set_title(channel)
        axes_of_row[0].set_ylabel(fill(title, 16), fontsize=8.5)
    bar = figure.colorbar(ScalarMappable(cmap=_COLOURS), ax=grid, shrink=0.9, aspect=18, pad=0.02)
    bar.set_ticks([0, 1], labels=["min", "max"])
    bar.outline.set_visible(False)
    return figure
