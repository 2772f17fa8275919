"""The common style of all figures, and helpers for their axes and points."""

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import atomic_path
from workflow_lib.pareto.front_config import Objective
from workflow_lib.report.tables import baseline_rows, candidates_only, front_members

_MAX_PANELS = 3
WIDTH_IN = 7.2
"""Width of a figure that fills a page (inches)."""

PALETTE: list[str] = sns.color_palette("colorblind").as_hex()
"""Ten colours that are distinguishable with any colour vision."""

GROUPS: dict[str, dict[str, Any]] = {
    "candidates": {"marker": "o", "color": "#7a7a7a", "size": 14, "alpha": 0.45, "edge": "none", "order": 2},
    "baselines": {"marker": "D", "color": "#000000", "size": 34, "alpha": 1.0, "edge": "white", "order": 3},
    "front": {"marker": "o", "color": PALETTE[0], "size": 36, "alpha": 1.0, "edge": "white", "order": 4},
    "recommended": {
        "marker": "*",
        "color": PALETTE[3],
        "size": 190,
        "alpha": 1.0,
        "edge": "white",
        "order": 5,
    },
}
"""Marker style of each group of rows in every scatter plot, from back to front."""

_RC: Any = {
    **sns.plotting_context("paper"),
    **sns.axes_style("whitegrid"),
    # matplotlib bundles this font, so figures are identical on every machine.
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.edgecolor": "0.4",
    "grid.color": "0.9",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.bottom": True,
    "ytick.left": True,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
}
# Suffix of a figure file -> metadata that is removed, because it would differ between otherwise identical files.
_REMOVED_METADATA = {".png": "Software", ".pdf": "CreationDate"}


P = ParamSpec("P")


def themed(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Wrap a drawing function so that it uses the common style; the global style is not changed."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(_RC):
            return draw(*args, **kwargs)

    return drawn


def save_figures(paths: Iterable[Path], dpi: int, draw: Callable[[str], Figure]) -> None:
    """Draw figures and write each file atomically.

    Args:
        paths: the files to write; a file name without suffix is the name of its figure.
        dpi: resolution of the PNG files (dots per inch).
        draw: function that returns the figure of a given name.

    Raises:
        UserError: if a file is neither PNG nor PDF, or if no figure has its name.
    """
    paths = list(paths)
    for path in paths:
        if path.suffix not in _REMOVED_METADATA:
            raise UserError(f"figures are {' or '.join(_REMOVED_METADATA)} files", path)
    for path in paths:
        figure = draw(path.stem)
        with atomic_path(path) as temporary:
            save_figure(figure, temporary, dpi)


def save_figure(figure: Figure, path: Path, dpi: int) -> None:
    """Write a figure reproducibly: the same figure always yields the same bytes.

    Args:
        figure: the figure to write.
        path: the PNG or PDF file to write, by its suffix; the caller makes the write atomic.
        dpi: resolution of a PNG (dots per inch).
    """
    with matplotlib.rc_context({"pdf.fonttype": 42}):  # TrueType keeps text in the PDF as text
        figure.savefig(path, dpi=dpi, facecolor="white", metadata={_REMOVED_METADATA[path.suffix]: None})


def defined(ranked: pd.DataFrame, objectives: Sequence[Objective]) -> list[Objective]:
    """Drop objectives that are undefined for all candidates, such as an AUC, unless fewer than two would remain."""
    known = [objective for objective in objectives if ranked[objective.name].notna().any()]
    return known if len(known) > 1 else list(objectives)


def split(ranked: pd.DataFrame, objectives: Sequence[Objective]) -> dict[str, pd.DataFrame]:
    """Divide the front table into the groups of `GROUPS`; front members keep their numbers as index."""
    members = front_members(ranked, objectives)
    recommended = members["recommended"].astype(bool)
    candidates = candidates_only(ranked)
    return {
        "candidates": candidates[~candidates["on_front"].astype(bool)],
        "baselines": baseline_rows(ranked),
        "front": members[~recommended],
        "recommended": members[recommended],
    }


def scatter(axes: Any, group: str, *values: Iterable[float], scale: float = 1.0, **more: Any) -> None:
    """Draw one group of points with the markers of that group.

    Args:
        axes: matplotlib axes, 2-D or 3-D.
        group: a key of `GROUPS`.
        values: (n,) coordinates of the points, one sequence per dimension.
        scale: factor of the marker size.
        more: further arguments of matplotlib's `scatter`.
    """
    mark = GROUPS[group]
    axes.scatter(
        *values,
        s=mark["size"] * scale,
        marker=mark["marker"],
        c=mark["color"],
        alpha=mark["alpha"],
        edgecolors=mark["edge"],
        linewidths=0.5,
        zorder=mark["order"],
        label=group,
        **more,
    )


def panel_grid(count: int, size: tuple[float, float], alone: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Return a figure with up to three panels per row, and room for a legend above.

    Args:
        count: number of panels.
        size: width and height of a panel (inches).
        alone: width and height if there is only one panel.
    """
    columns = min(count, _MAX_PANELS)
    rows = -(-count // columns)
    width, height = size if columns > 1 else alone
    figure = Figure(figsize=(width * columns, height * rows + 0.4), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels[count:]:
        axes.remove()
    return figure, panels[:count]


def plain_text(text: str) -> str:
    """Return a text from outside in a form that matplotlib does not read as a formula."""
    return text.replace("$", r"\$")


def wants_log(values: pd.Series) -> bool:
    """Whether positive values span a factor of ten or more, so that a linear axis would squeeze most of them."""
    present = values.dropna()
    return bool(len(present) and present.min() > 0 and present.max() / present.min() >= 10)


def round_ticks(low: float, high: float, steps: Sequence[float] = (1, 2, 5)) -> list[float]:
    """List the round numbers 1, 2, 5, 10, 20, ... within a range of positive numbers.

    Args:
        low: lower end of the range, included.
        high: upper end of the range, included.
        steps: round numbers within a decade.

    >>> round_ticks(2, 60)
    [2.0, 5.0, 10.0, 20.0, 50.0]
    """
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    return [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]


def set_log(axis: Any, values: pd.Series) -> None:
    """Make an axis logarithmic, with tick labels 1, 2, 5, 10, ... and a margin around the values."""
    low, high = float(values.min()) / 1.15, float(values.max()) * 1.15
    if axis.axis_name == "x":
        axis.axes.set_xscale("log")
        axis.axes.set_xlim(low, high)
    else:
        axis.axes.set_yscale("log")
        axis.axes.set_ylim(low, high)
    axis.set_major_locator(FixedLocator(round_ticks(low, high)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def number_points(axes: Any, points: pd.DataFrame, taken: Sequence[tuple[float, float]] = ()) -> None:
    """Label each point with its index at the first free position around it, or not at all if there is none.

    Args:
        axes: axes on which the points were drawn; call this last, because the figure's layout must be final.
        points: two columns, x and y in data units.
        taken: further points (x, y) that no label may cover.
    """
    figure = axes.figure.get_figure(root=True)
    assert figure is not None
    pixels_per_point = figure.dpi / 72
    width, height, gap = 5.2 * pixels_per_point, 7.5 * pixels_per_point, 4.5 * pixels_per_point
    positions = axes.transData.transform(
        np.array([*points.itertuples(index=False), *taken], dtype=float).reshape(-1, 2)
    )
    half = 3.2 * pixels_per_point
    boxes = [(x - half, y - half, x + half, y + half) for x, y in positions]
    frame = axes.get_window_extent()
    for number, (x, y) in zip(points.index, positions[: len(points)], strict=True):
        wide = width * len(str(number))
        for dx, dy in ((1, 1), (-1, 1), (1, -1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1)):
            left = x + dx * gap - wide * (1 - dx) / 2
            bottom = y + dy * gap - height * (1 - dy) / 2
            box = (left, bottom, left + wide, bottom + height)
            inside = frame.x0 < box[0] and box[2] < frame.x1 and frame.y0 < box[1] and box[3] < frame.y1
            if inside and not any(_overlap(box, other) for other in boxes):
                boxes.append(box)
                place = axes.transAxes.inverted().transform((left, bottom))
                text = axes.text(*place, str(number), transform=axes.transAxes, fontsize=7.5, color="0.1", zorder=6)
                text.set_path_effects([withStroke(linewidth=2, foreground="white")])
                text.set_in_layout(False)
                break


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
