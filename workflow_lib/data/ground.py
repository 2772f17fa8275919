"""Lengths on the ground: how many true metres a step in a coordinate reference system is.

"Metres" of a map projection are metres on the ground only where it is true to scale: those of web Mercator are half as
long at 60 degrees north. Lengths are measured on the WGS 84 ellipsoid, not read off names of projections.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rasterio._err import CPLE_BaseError  # what transformations raise has no public name
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform

Numbers = NDArray[np.float64]

# WGS 84: equatorial radius (m) and squared eccentricity.
_RADIUS_M = 6378137.0
_ECCENTRICITY_2 = 6.69437999014e-3
TRANSFORM_ERRORS = (CRSError, RasterioError, CPLE_BaseError)
"""What rasterio raises where coordinates cannot be brought from one CRS into another."""

TRUE_TO_SCALE = 0.01
"""A CRS whose metres are off by no more than this share counts as true to scale: UTM is within 0.1 %."""


def ground_steps_m(crs: CRS, x: ArrayLike, y: ArrayLike, dx: ArrayLike, dy: ArrayLike) -> tuple[Numbers, Numbers]:
    """Length on the ground of a step to the east and of one to the north, around some places.

    Args:
        crs: of the coordinates.
        x, y: (n,) the places.
        dx, dy: (n,) the steps, in the unit of `crs`.

    Returns:
        Two arrays (n,) in metres.

    Raises:
        CRSError, RasterioError: if the CRS has no place on the ground.
    """
    x, y, dx, dy = (np.atleast_1d(np.asarray(values, dtype=float)) for values in (x, y, dx, dy))
    eastings = np.concatenate([x - dx / 2, x + dx / 2, x, x])
    northings = np.concatenate([y, y, y - dy / 2, y + dy / 2])
    longitudes, latitudes = (np.array(part).reshape(4, -1) for part in transform(crs, "EPSG:4326", eastings, northings))
    latitudes = np.radians(latitudes)
    middle = latitudes.mean(0)
    shrinking = 1 - _ECCENTRICITY_2 * np.sin(middle) ** 2
    across = _RADIUS_M / np.sqrt(shrinking) * np.cos(middle)
    along = _RADIUS_M * (1 - _ECCENTRICITY_2) / shrinking**1.5

    def length(first: int, second: int) -> Numbers:
        turn = np.radians((longitudes[second] - longitudes[first] + 180) % 360 - 180)
        steps: Numbers = np.hypot(across * turn, along * (latitudes[second] - latitudes[first]))
        return steps

    return length(0, 1), length(2, 3)


def scale_at(crs: CRS, x: float, y: float) -> float:
    """How many metres on the ground a metre of a projected CRS is at a place: 1 where it is true to scale.

    Raises:
        CRSError, RasterioError: if the CRS has no place on the ground.
    """
    east, north = ground_steps_m(crs, x, y, 100.0, 100.0)
    return float(np.sqrt(east[0] * north[0]) / 100)


def utm_zone(longitude: float, latitude: float) -> CRS:
    """The UTM zone of a place."""
    zone = min(int((longitude + 180) // 6) + 1, 60)
    return CRS.from_epsg((32600 if latitude >= 0 else 32700) + zone)


def pixel_sides_m(crs: str, x: Numbers, y: Numbers, dx: Numbers, dy: Numbers) -> Numbers:
    """Side of pixels on the ground (m): the mean over both directions; NaN where the CRS has no place on the ground.

    Args:
        crs: of the coordinates, "" for none.
        x, y: (n,) where the pixels are.
        dx, dy: (n,) their width and height in the unit of the CRS.
    """
    try:
        east, north = ground_steps_m(CRS.from_user_input(crs), x, y, dx, dy)
    except (*TRANSFORM_ERRORS, ValueError):
        return np.full(len(x), np.nan)
    return np.sqrt(east * north)
