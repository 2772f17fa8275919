"""Plot of the values of scenes beside those of the training chips."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_lib.report.plots.style import PALETTE, WIDTH_IN, themed

_COLUMNS = 3
_TRAINED, _LIKE, _MOVED = "0.55", PALETTE[0], PALETTE[3]


@themed
def map_drift(drift: pd.DataFrame) -> Figure:
    """Draw the range of each band in each area above that of the most similar training region.

    Args:
        drift: table DRIFT.
    """
    bands, areas = list(drift["band"].unique()), list(drift["area"].unique())
    columns = min(_COLUMNS, max(1, len(bands)))
    rows = max(1, -(-len(bands) // columns))
    figure = Figure(figsize=(WIDTH_IN, rows * (0.7 + 0.42 * max(1, len(areas))) + 0.5), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels[len(bands) :]:
        axes.set_axis_off()
    for axes, band in zip(panels, bands, strict=False):
        part = drift[drift["band"] == band].set_index("area")
        for place, area in enumerate(areas):
            if area not in part.index:
                continue
            row = part.loc[area]
            colour = _MOVED if row["psi"] > row["psi_limit"] else _LIKE
            for shift, where, shown in ((-0.16, "found", colour), (0.16, "trained", _TRAINED)):
                axes.hlines(place + shift, row[f"{where}_low"], row[f"{where}_high"], color=shown, linewidth=2)
                axes.plot(row[f"{where}_median"], place + shift, "o", color=shown, markersize=4)
        axes.set_yticks(range(len(areas)), areas)
        axes.set_ylim(len(areas) - 0.4, -0.6)
        axes.set_title(band)
        axes.grid(visible=False, axis="y")
    names = {_LIKE: "scenes", _MOVED: "scenes, moved", _TRAINED: "most similar training region"}
    handles = [Line2D([], [], color=colour, marker="o", markersize=4, label=name) for colour, name in names.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure
