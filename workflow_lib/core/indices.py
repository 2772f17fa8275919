"""Spectral indices: what they are made of."""

INDICES: dict[str, tuple[str, str]] = {"ndvi": ("nir", "red"), "ndwi": ("green", "nir")}
"""Index -> (a, b) of its formula (a - b) / (a + b), on raw values; CROSS equations 1 and 2."""
