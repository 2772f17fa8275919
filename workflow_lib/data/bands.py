"""Operations on the pixels of one chip: filling of nodata, spectral indices, normalisation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_lib.core.indices import INDICES

Array = NDArray[np.floating[Any]]


def evenly_spaced(values: NDArray[Any], count: int = 64) -> NDArray[Any]:
    """Return some of the values of a band, evenly spaced over them, which represent the band in a distribution.

    Args:
        values: (n,) at least one value.
        count: number of values; those of a band with fewer are repeated.

    >>> evenly_spaced(np.arange(9), count=3).tolist()
    [0, 4, 8]
    """
    chosen: NDArray[Any] = values[np.linspace(0, values.size - 1, count).round().astype(int)]
    return chosen


def fill_nodata(chip: Array, valid: NDArray[np.bool_]) -> Array:
    """Fill nodata pixels with the mean of their band's valid pixels, so that gaps add no contrast.

    Args:
        chip: (height, width, bands) raw values; not modified.
        valid: (height, width, bands) mask of the valid pixels; every band has at least one.

    Returns:
        (height, width, bands) copy with the gaps filled; the chip itself if it has none.
    """
    if valid.all():
        return chip
    means = np.where(valid, chip, 0).sum((0, 1), dtype=np.float64) / valid.sum((0, 1))
    return np.where(valid, chip, means).astype(chip.dtype)


def spectral_index(first: Array, second: Array) -> Array:
    """Compute (first - second) / (first + second); 0/0 becomes a quarter of the sum of its finite 4-neighbours.

    Args:
        first: (height, width) raw band.
        second: (height, width) raw band.

    Returns:
        (height, width) float32 index.

    Source: CROSS (Li et al. 2023), equations 1 and 2; the rule for 0/0, with neighbours outside the chip clamped
        to its edge, is that of its published code.

    >>> spectral_index(np.array([[3.0, 0.0]]), np.array([[1.0, 0.0]])).tolist()
    [[0.5, 0.125]]
    """
    first, second = first.astype(np.float32, copy=False), second.astype(np.float32, copy=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        index = (first - second) / (first + second)
    undefined = ~np.isfinite(index)
    if undefined.any():
        padded = np.pad(np.where(undefined, 0, index), 1, mode="edge")
        neighbours = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
        index = np.where(undefined, neighbours / 4, index)
    return index


def add_indices(chip: Array, bands: Sequence[str], wanted: Sequence[str]) -> Array:
    """Select and order the channels of a chip, and compute the spectral indices among them.

    Args:
        chip: (height, width, len(bands)) raw values.
        bands: name of each band of the chip.
        wanted: bands and indices of the result, in order.

    Returns:
        (height, width, len(wanted)) float32 array. In memory, each channel is contiguous, which makes what follows
        several times faster.
    """
    planes = []
    for name in wanted:
        if name in INDICES:
            first, second = INDICES[name]
            planes.append(spectral_index(chip[..., bands.index(first)], chip[..., bands.index(second)]))
        else:
            planes.append(chip[..., bands.index(name)].astype(np.float32, copy=False))
    return np.moveaxis(np.stack(planes), 0, -1)


def normalise(chip: Array, how: str) -> Array:
    """Normalise a chip on its own; methods that need other chips leave it unchanged.

    Args:
        chip: (height, width, channels) values.
        how: "per_chip_band": min-max scaling of each channel; "per_column": min-max scaling of each image column of
            each channel, as CROSS's code does by passing an image to a scaler of features; "per_dataset" and "none":
            unchanged. Constant values become 0.

    Returns:
        (height, width, channels) values, in [0, 1] if they were scaled.

    >>> normalise(np.array([[[2.0], [4.0]], [[3.0], [6.0]]]), "per_chip_band")[..., 0].tolist()
    [[0.0, 0.5], [0.25, 1.0]]
    """
    if how in ("per_dataset", "none"):
        return chip
    axes = (0, 1) if how == "per_chip_band" else (0,)
    low = chip.min(axes, keepdims=True)
    spread = chip.max(axes, keepdims=True) - low
    return np.asarray((chip - low) / np.where(spread == 0, 1, spread), dtype=np.float32)
