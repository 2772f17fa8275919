"""Places where a class is probable, one of each that belong together."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_lib.data.scenes import Grid
from workflow_lib.field.sliding import Square, Windows

Row = Mapping[str, Any]


def candidates(
    block: Square,
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    wanted: Sequence[str],
    threshold: float,
    grid: Grid,
    windows: Windows,
) -> list[Row]:
    """Centres of windows in which a wanted class reaches a threshold.

    Returns:
        x, y, class, probability of each.
    """
    cell = grid.resolution_m * windows.stride_px
    rows: list[Row] = []
    for name in wanted:
        of_class = probabilities[list(classes).index(name)]
        for row, column in np.argwhere(of_class >= threshold):
            rows.append({
                "x": grid.west + (block[1] + int(column) + 0.5) * cell,
                "y": grid.north - (block[0] + int(row) + 0.5) * cell,
                "class": name,
                "probability": float(of_class[row, column]),
            })  # fmt: skip
    return rows


def suppress(rows: Iterable[Row], least_m: float) -> list[Row]:
    """Keep the most probable of places that are near to each other, class by class (non-maximum suppression).

    Args:
        rows: x, y, class, probability.
        least_m: distance below which the less probable one goes; of equal ones the northern, then the western stays.

    Returns:
        Rows in falling order of probability.
    """
    kept: list[Row] = []
    # Neighbours lie in the same or an adjoining cell of this size.
    size = max(least_m, 1e-9)
    taken: dict[tuple[str, int, int], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (-row["probability"], -row["y"], row["x"], row["class"])):
        east, north = int(row["x"] // size), int(row["y"] // size)
        near = (
            other
            for across in (-1, 0, 1)
            for up in (-1, 0, 1)
            for other in taken.get((row["class"], east + across, north + up), [])
        )
        if all(np.hypot(row["x"] - other["x"], row["y"] - other["y"]) >= least_m for other in near):
            kept.append(row)
            taken[row["class"], east, north].append(row)
    return kept
