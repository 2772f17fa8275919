"""Spectral indices and the bands that they are computed from."""

from collections.abc import Iterable

INDICES: dict[str, tuple[str, str]] = {"ndvi": ("nir", "red"), "ndwi": ("green", "nir")}
"""Index -> bands (a, b) of its formula (a - b) / (a + b), on raw values; CROSS equations 1 and 2."""

RAW_NORMALISATIONS = ("per_dataset", "none")
"""Values of `data.normalisation` with which the imported chips keep raw values."""


def raw_bands(channels: Iterable[str]) -> list[str]:
    """List the raw bands that channels are computed from, in order of their first use.

    Args:
        channels: bands and indices.

    >>> raw_bands(["dem", "ndvi", "red"])
    ['dem', 'nir', 'red']
    """
    return list(dict.fromkeys(band for name in channels for band in INDICES.get(name, (name,))))
