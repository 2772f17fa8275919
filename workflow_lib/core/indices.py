"""Spectral indices and the bands that they are computed from."""

INDICES: dict[str, tuple[str, str]] = {"ndvi": ("nir", "red"), "ndwi": ("green", "nir")}
"""Index -> bands (a, b) of its formula (a - b) / (a + b), on raw values; CROSS equations 1 and 2."""

RAW_NORMALISATIONS = ("per_dataset", "none")
"""Values of `data.normalisation` with which the imported chips keep raw values."""
