"""Places where a class is probable, one of each that belong together."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_lib.data.scenes import Grid
from workflow_lib.field.sliding import Block, Windows

PLACE = np.dtype([("row", np.int32), ("column", np.int32), ("label", np.uint8), ("probability", np.float32)])
"""A window, by row and column, and the number of a class; small, because a scene may have millions."""

Places = NDArray[Any]
"""(places,) of `PLACE`."""


def candidates(block: Block, labels: Sequence[int], threshold: float) -> Places:
    """Windows of a block in which a wanted class reaches a threshold.

    Args:
        block: see `sliding.slide`.
        labels: numbers of the wanted classes.
        threshold: least probability.
    """
    (first_row, first_column, *_), probabilities = block
    parts = []
    for label in labels:
        rows, columns = np.nonzero(probabilities[label] >= threshold)
        part = np.empty(len(rows), PLACE)
        part["row"], part["column"], part["label"] = first_row + rows, first_column + columns, label
        part["probability"] = probabilities[label, rows, columns]
        parts.append(part)
    return np.concatenate(parts)


def suppress(places: Places, least: float) -> Places:
    """Keep the most probable of places that are near to each other, class by class (non-maximum suppression).

    Args:
        places: all.
        least: distance, in cells, below which the less probable one goes; of equal ones the northern, then the western
            stays.

    Returns:
        Those that stay, in falling order of probability.
    """
    order = np.lexsort((places["label"], places["column"], places["row"], -places["probability"]))
    kept: list[int] = []
    # Neighbours lie in the same or an adjoining square of this side.
    side = max(least, 1.0)
    taken: dict[tuple[int, int, int], list[tuple[int, int]]] = defaultdict(list)
    for number in order:
        row, column, label, _ = places[number].item()
        down, across = int(row // side), int(column // side)
        squares = ((label, down + i, across + j) for i in (-1, 0, 1) for j in (-1, 0, 1))
        near = (other for square in squares for other in taken.get(square, ()))
        if all(np.hypot(row - other[0], column - other[1]) >= least for other in near):
            kept.append(int(number))
            taken[label, down, across].append((row, column))
    return places[kept]


def as_points(places: Places, classes: Sequence[str], grid: Grid, windows: Windows) -> list[dict[str, Any]]:
    """x, y, class and probability of each place: the centre of its window."""
    cell = grid.resolution_m * windows.stride_px
    return [
        {
            "x": grid.west + (column + 0.5) * cell,
            "y": grid.north - (row + 0.5) * cell,
            "class": classes[label],
            "probability": probability,
        }
        for row, column, label, probability in places.tolist()
    ]
