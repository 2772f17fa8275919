"""Turn window probabilities into places: one place per cluster of windows where a class is probable."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_lib.data.scenes import Grid
from workflow_lib.field.sliding import Block, Windows

PLACE = np.dtype([("row", np.int32), ("column", np.int32), ("label", np.uint8), ("probability", np.float32)])
"""Row and column of a window, a class number and its probability; compact, because a scene may have millions."""

Places = NDArray[Any]
"""(places,) structured array of dtype `PLACE`."""


def find_places(block: Block, labels: Sequence[int], threshold: float, abstain_below: float = 0.0) -> Places:
    """Find the windows of a block in which a wanted class reaches a threshold.

    Args:
        block: a square of windows and its probabilities, as yielded by `sliding.slide`.
        labels: numbers of the wanted classes.
        threshold: minimum probability.
        abstain_below: probability of the most probable class below which the model abstains.
    """
    (first_row, first_column, *_), probabilities = block
    decided = probabilities.max(0) >= abstain_below
    parts = []
    for label in labels:
        rows, columns = np.nonzero(decided & (probabilities[label] >= threshold))
        part = np.empty(len(rows), PLACE)
        part["row"], part["column"], part["label"] = first_row + rows, first_column + columns, label
        part["probability"] = probabilities[label, rows, columns]
        parts.append(part)
    return np.concatenate(parts)


def suppress(places: Places, min_distance: float) -> Places:
    """Keep the most probable of nearby places, class by class (non-maximum suppression).

    Args:
        places: (places,) array of `PLACE`.
        min_distance: distance in cells below which the less probable place is dropped; of equally probable places, the
            northernmost, then the westernmost, is kept.

    Returns:
        (kept,) array of `PLACE`, sorted by decreasing probability.

    >>> places = np.array([(0, 0, 1, 0.75), (0, 2, 1, 0.875), (9, 9, 1, 0.5)], PLACE)
    >>> suppress(places, min_distance=5).tolist()
    [(0, 2, 1, 0.875), (9, 9, 1, 0.5)]
    """
    order = np.lexsort((places["label"], places["column"], places["row"], -places["probability"]))
    kept: list[int] = []
    # Neighbours lie in the same square of this side or in an adjacent one.
    side = max(min_distance, 1.0)
    kept_by_square: dict[tuple[int, int, int], list[tuple[int, int]]] = defaultdict(list)
    for index in order:
        row, column, label, _ = places[index].item()
        down, across = int(row // side), int(column // side)
        squares = ((label, down + i, across + j) for i in (-1, 0, 1) for j in (-1, 0, 1))
        near = (other for square in squares for other in kept_by_square.get(square, ()))
        if all(np.hypot(row - other[0], column - other[1]) >= min_distance for other in near):
            kept.append(int(index))
            kept_by_square[label, down, across].append((row, column))
    return places[kept]


def as_points(places: Places, classes: Sequence[str], grid: Grid, windows: Windows) -> list[dict[str, Any]]:
    """Convert places into points at the centres of their windows.

    Args:
        places: (places,) array of `PLACE`.
        classes: class names, in the order of their numbers.
        grid: pixel grid of the scenes.
        windows: the windows whose rows and columns the places give.

    Returns:
        x and y (in the grid's CRS), class and probability of each place.
    """
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
