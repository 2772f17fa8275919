"""Lengths on the ground of steps in a coordinate reference system (CRS).

The metres of a map projection are metres on the ground only where it is true to scale: those of web Mercator are half
as long at 60 degrees north. Lengths are computed on the WGS 84 ellipsoid, not inferred from the name of a projection.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rasterio._err import CPLE_BaseError  # raised by transformations; it has no public name
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform

Numbers = NDArray[np.float64]

# WGS 84: equatorial radius (m) and squared eccentricity.
_RADIUS_M = 6378137.0
_ECCENTRICITY_2 = 6.69437999014e-3
TRANSFORM_ERRORS = (CRSError, RasterioError, CPLE_BaseError)
"""Exceptions of rasterio for coordinates that cannot be transformed from one CRS to another."""

MAX_SCALE_ERROR = 0.01
"""Maximum relative scale error of a CRS that counts as true to scale; UTM is within 0.1 %."""


def ground_steps_m(crs: CRS, x: ArrayLike, y: ArrayLike, dx: ArrayLike, dy: ArrayLike) -> tuple[Numbers, Numbers]:
    """Compute the lengths on the ground of a step to the east and a step to the north, centred on locations.

    Args:
        crs: CRS of the coordinates.
        x: (n,) eastings or longitudes of the locations, in the unit of `crs`.
        y: (n,) northings or latitudes of the locations.
        dx: (n,) steps to the east, in the unit of `crs`.
        dy: (n,) steps to the north.

    Returns:
        Two (n,) arrays in metres: eastward and northward lengths.

    Raises:
        CRSError, RasterioError: if the CRS has no location on the ground.

    >>> east, north = ground_steps_m(CRS.from_epsg(4326), 0.0, 60.0, 1.0, 1.0)
    >>> east.round(-2).tolist(), north.round(-2).tolist()
    ([55800.0], [111400.0])
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
    """Return the length on the ground of one metre of a projected CRS: 1 where it is true to scale.

    Args:
        crs: projected CRS, in metres.
        x: easting of the location (m).
        y: northing of the location (m).

    Raises:
        CRSError, RasterioError: if the CRS has no location on the ground.

    >>> round(scale_at(CRS.from_epsg(3857), 0.0, 8399738.0), 2)  # web Mercator at 60 degrees north
    0.5
    """
    east, north = ground_steps_m(crs, x, y, 100.0, 100.0)
    return float(np.sqrt(east[0] * north[0]) / 100)


def utm_zone(longitude: float, latitude: float) -> CRS:
    """Return the UTM zone of a location, given in degrees on WGS 84.

    >>> utm_zone(-97.0, 41.0).to_epsg()
    32614
    """
    zone = min(int((longitude + 180) // 6) + 1, 60)
    return CRS.from_epsg((32600 if latitude >= 0 else 32700) + zone)


def pixel_sides_m(crs: str, x: Numbers, y: Numbers, dx: Numbers, dy: Numbers) -> Numbers:
    """Compute the size of pixels on the ground: the geometric mean of width and height.

    Args:
        crs: CRS of the coordinates, "" for none.
        x: (n,) eastings or longitudes of the pixels, in the unit of the CRS.
        y: (n,) northings or latitudes of the pixels.
        dx: (n,) widths of the pixels, in the unit of the CRS.
        dy: (n,) heights of the pixels.

    Returns:
        (n,) sizes in metres; NaN if the CRS has no location on the ground.
    """
    try:
        east, north = ground_steps_m(CRS.from_user_input(crs), x, y, dx, dy)
    except (*TRANSFORM_ERRORS, ValueError):
        return np.full(len(x), np.nan)
    return np.sqrt(east * north)
