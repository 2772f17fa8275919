"""Windows spread over scenes, read before the model is applied, to compare the scenes with the training chips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_lib.data.bands import evenly_spaced
from workflow_lib.data.scenes import Layer
from workflow_lib.field.sliding import Windows, read_layers, usable

# Windows to compare, and the most that are read to find so many with enough data: reading windows without data is fast.
_WINDOWS, _MAX_READ = 200, 4000
# Steps of a sequence that covers a square evenly: Roberts 2018, the plastic number's first two negative powers.
_STEPS = (0.7548776662466927, 0.5698402909980532)


@dataclass(frozen=True)
class WindowSample:
    """Values of one band in windows of scenes.

    Attributes:
        values: (windows, 64) valid values, evenly spaced over each window.
        contrasts: (windows,) largest minus smallest valid value.
    """

    values: NDArray[np.float64]
    contrasts: NDArray[np.float64]


def sample_windows(
    layers: Sequence[Layer], bands: Sequence[str], windows: Windows, max_nodata_pct: float
) -> dict[str, WindowSample]:
    """Read up to 200 windows that are spread evenly over the scenes.

    Args:
        layers: the scenes, all on one grid.
        bands: band names of all layers, in order.
        windows: the windows of the map.
        max_nodata_pct: maximum share of nodata in any band of a window (percent).

    Returns:
        The sample of each band; empty if no window has enough data.
    """
    values: list[NDArray[Any]] = []
    contrasts: list[NDArray[Any]] = []
    for row, column in _positions(windows):
        start = windows.start(column), windows.start(row)
        parts = read_layers(layers, *start, windows.size_px, windows.size_px)
        if parts is None or not usable(parts[1], max_nodata_pct):
            continue
        known = [plane[mask] for plane, mask in zip(*parts, strict=True)]
        values.append(np.stack([evenly_spaced(plane) for plane in known]))
        contrasts.append(np.array([np.ptp(plane) for plane in known]))
        if len(values) == _WINDOWS:
            break
    if not values:
        return {}
    spread, contrast = np.stack(values, 1).astype(np.float64), np.stack(contrasts, 1).astype(np.float64)
    return {band: WindowSample(spread[number], contrast[number]) for number, band in enumerate(bands)}


def _positions(windows: Windows) -> Iterator[tuple[int, int]]:
    """Spread rows and columns of windows over the scenes; every window at most once."""
    seen = set()
    for number in range(_MAX_READ):
        row, column = (
            int((0.5 + number * step) % 1 * count)
            for step, count in zip(_STEPS, (windows.rows, windows.columns), strict=True)
        )
        if (row, column) not in seen:
            seen.add((row, column))
            yield row, column
