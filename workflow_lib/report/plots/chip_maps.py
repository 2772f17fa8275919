"""Maps of the chips, coloured by fold or by role in cross-validation."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, MaxNLocator

from workflow_lib.report.plots.style import PALETTE, themed

_ROLES: dict[Any, str] = {
    "training": PALETTE[0],
    "set_aside": PALETTE[2],
    "validation": PALETTE[1],
    "buffer": "#b0b0b0",
    "holdout": PALETTE[4],
}
_NEVER = "never in validation"


@themed
def chip_map(chips: pd.DataFrame, folds: pd.DataFrame, fold: int | None = None) -> Figure:
    """Draw every chip's footprint, one panel per region.

    Args:
        chips: the chips table.
        folds: the folds table.
        fold: colour by role in this fold; None: by the fold in which a chip is used for validation.
    """
    groups = _fold_of_chip(folds) if fold is None else folds[folds["fold"] == fold].set_index("chip")["role"]
    colours = _fold_colours(folds) if fold is None else _ROLES
    regions = list(chips["region"].unique())
    columns = min(2 if len(regions) in (2, 4) else 3, len(regions))
    rows = -(-len(regions) // columns)
    figure = Figure(figsize=(max(4.2, 3.2 * columns), 3.1 * rows + 0.4), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, region in zip(panels, regions, strict=False):
        _panel(axes, chips[chips["region"] == region], groups, colours)
        axes.set_title(_title(region, chips[chips["region"] == region]))
    for axes in panels[len(regions) :]:
        axes.remove()
    figure.supxlabel("East of the region's west edge (CRS unit)", fontsize=9)
    figure.supylabel("North of the region's south edge (CRS unit)", fontsize=9)
    shown = [label for label in colours if label in set(groups)]
    counts = groups.value_counts()
    handles = [Patch(color=colours[label], label=f"{_legend(label)} ({counts[label]:,})") for label in shown]
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=len(handles) if len(handles) <= 4 else -(-len(handles) // 2),
    )
    return figure


def _fold_of_chip(folds: pd.DataFrame) -> pd.Series:
    validating = folds[folds["role"] == "validation"].set_index("chip")["fold"]
    return validating.reindex(folds["chip"].unique()).astype(object).where(lambda fold: fold.notna(), _NEVER)


def _fold_colours(folds: pd.DataFrame) -> dict[Any, str]:
    numbers = sorted(folds["fold"].unique())
    colours = PALETTE if len(numbers) <= len(PALETTE) else sns.color_palette("viridis", len(numbers)).as_hex()
    return {**dict(zip(numbers, colours, strict=False)), _NEVER: "#b0b0b0"}


def _legend(label: object) -> str:
    return label.replace("_", " ") if isinstance(label, str) else f"fold {label}"


def _panel(axes: Axes, chips: pd.DataFrame, groups: pd.Series, colours: dict[Any, str]) -> None:
    left, bottom = chips["left"].min(), chips["bottom"].min()
    for label, colour in colours.items():
        members = chips[chips["chip"].map(groups) == label]
        corners = [
            [(row.left - left, row.bottom - bottom), (row.right - left, row.bottom - bottom),
             (row.right - left, row.top - bottom), (row.left - left, row.top - bottom)]
            for row in members.itertuples()
        ]  # fmt: skip
        # The outline keeps a 100 m chip visible on a map of 100 km.
        axes.add_collection(PolyCollection(corners, facecolor=colour, edgecolor=colour, alpha=0.75, linewidth=1.4))
    axes.autoscale_view()
    axes.set_aspect("equal", adjustable="datalim")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4))
        axis.set_major_formatter(EngFormatter(sep=""))


def _title(region: str, chips: pd.DataFrame) -> str:
    systems: Sequence[str] = [crs or "no CRS" for crs in chips["crs"].unique()]
    return f"{region}: {len(chips):,} chips, {', '.join(systems)}"
