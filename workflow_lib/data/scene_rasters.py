"""Scene files: their headers, and their pixels on the grid of a map."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.transform import Affine
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from workflow_lib.core.errors import UserError
from workflow_lib.data.ground import TRANSFORM_ERRORS, ground_steps_m, scale_at
from workflow_lib.data.masks import (
    BandScaling,
    as_floats,
    describe_scaling,
    open_raster,
    read_valid,
)

Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top."""

SAME_PX = 1e-4
"""Two grids are aligned if no pixel is off by more than this share of its side."""

METRE = 1.0

# Error tolerance of the warp: small enough for adjacent windows to fit; rasterio rejects 0.
TOLERANCE_PX = 0.001


@dataclass(frozen=True)
class Header:
    """Properties that all scenes of a layer must share.

    Attributes:
        dtype: data type of the pixels.
        nodata: nodata value of each band; None for none.
        scaling: scale and offset of each band.
    """

    dtype: str
    nodata: tuple[float | None, ...]
    scaling: BandScaling

    def check_same(self, other: "Header", file: Path) -> None:
        """Reject a scene that differs from the first one.

        Raises:
            UserError: if it differs; the error names `file`.
        """
        if other.dtype != self.dtype:
            kinds = " and ".join(sorted([self.dtype, other.dtype]))
            raise UserError(f"holds {kinds}, together with the scenes before it", file, "convert it")
        if str(other.nodata) != str(self.nodata):
            gaps = " and ".join(sorted({str(value) for value in (*self.nodata, *other.nodata)}))
            raise UserError(
                f"has nodata {gaps}, together with the scenes before it", file,
                "give all scenes the same value, for example with gdal_edit.py -a_nodata",
            )  # fmt: skip
        for band, (first, here) in enumerate(zip(self.scaling, other.scaling, strict=True), start=1):
            if first != here:
                raise UserError(
                    f"band {band} has {describe_scaling(here)}, but the scenes before it have "
                    f"{describe_scaling(first)}", file,
                    "give all scenes the same values, for example with gdal_edit.py -scale -offset",
                )  # fmt: skip


class Scene:
    """An open scene, and a view of it as floats, which is created on first use.

    Args:
        raster: raster from `open_bands`.
        declared: values that count as nodata in addition to what the file declares.
    """

    def __init__(self, raster: Any, declared: Sequence[float]) -> None:
        self.raster = raster
        self._declared = declared
        self._as_floats: Any = None

    @property
    def floats(self) -> Any:
        """Return the raster as scaled float values, NaN where there is no data."""
        if self._as_floats is None:
            self._as_floats = as_floats(self.raster, self._declared)
        return self._as_floats

    def close(self) -> None:
        """Close the raster and its float view."""
        if self._as_floats is not None:
            self._as_floats.close()
        self.raster.close()


def open_scene(file: Path) -> Any:
    """Open a raster.

    Raises:
        UserError: if the file is not a raster.
    """
    try:
        return rasterio.open(file.absolute())
    except RasterioError as error:
        raise UserError(f"not a readable raster ({error})", file) from None


def open_bands(file: Path, bands: int) -> Any:
    """Open a raster that must have a given number of bands.

    Raises:
        UserError: if the file is not a raster, or the number of bands differs.
    """
    try:
        return open_raster(file, bands)
    except RasterioError as error:
        raise UserError(f"not a readable raster ({error})", file) from None


def ground_scale(crs: CRS, x: float, y: float, file: Path) -> float:
    """Return the metres on the ground per metre of a CRS.

    Args:
        crs: projected CRS, in metres.
        x: easting of the location (m).
        y: northing of the location (m).
        file: file that the error names.

    Raises:
        UserError: if the CRS has no location on the ground.
    """
    try:
        return scale_at(crs, x, y)
    except TRANSFORM_ERRORS as error:
        raise _no_location(error, file) from None


def _no_location(reason: Exception | str, file: Path | str) -> UserError:
    return UserError(f"has a CRS without a location on the ground ({reason})", file, "assign another")


def named_crs(name: str, where: Path) -> CRS:
    """Return a CRS by its name, such as EPSG:26914.

    Raises:
        UserError: if there is no such CRS; the error names `where`.
    """
    try:
        return CRS.from_user_input(name)
    except (CRSError, ValueError):
        raise UserError(f"unknown CRS {name}", where, "use a name such as EPSG:26914") from None


def extent_of(raster: Any, crs: CRS) -> Bounds:
    """Return the bounds of a raster in a CRS."""
    try:
        bounds = (
            raster.bounds if raster.crs == crs else transform_bounds(raster.crs, crs, *raster.bounds, densify_pts=21)
        )
    except TRANSFORM_ERRORS as error:
        raise UserError(f"cannot be projected to {crs.to_string()} ({error})", raster.name, "check its CRS") from None
    left, bottom, right, top = map(float, bounds)
    return min(left, right), min(bottom, top), max(left, right), max(bottom, top)  # a raster may be south up


def pixel_m(raster: Any) -> float:
    """Return the pixel size of a raster on the ground (m), at its centre.

    Raises:
        UserError: if its CRS has no location on the ground.
    """
    a, b, _, d, e, *_ = raster.transform
    x, y = raster.transform @ (raster.width / 2, raster.height / 2)
    try:
        [east], [north] = ground_steps_m(raster.crs, x, y, hypot(a, d), hypot(b, e))
    except TRANSFORM_ERRORS as error:
        raise _no_location(error, raster.name) from None
    if not np.isfinite(east * north):
        raise _no_location("it is outside of the area of its CRS", raster.name)
    return float(np.sqrt(east * north))


def union(extents: Sequence[Bounds]) -> Bounds:
    """Return the smallest bounds that contain all given ones.

    >>> union([(0, 0, 2, 1), (1, -1, 3, 1)])
    (0, -1, 3, 1)
    """
    left, bottom, right, top = zip(*extents, strict=True)
    return min(left), min(bottom), max(right), max(top)


def overlaps(first: Bounds, second: Bounds) -> bool:
    """Return whether two bounds overlap; touching does not count."""
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def aligned_offset(raster: Any, transform: Affine, crs: CRS) -> tuple[int, int] | None:
    """Return the column and row of a window in a raster; None if their pixels are not aligned.

    Args:
        raster: open raster.
        transform: transform from the window's pixels to coordinates.
        crs: CRS of the window.
    """
    if raster.crs != crs:
        return None
    scale = ~raster.transform @ transform
    column, row = scale.c, scale.f
    straight = np.allclose([scale.a, scale.b, scale.d, scale.e], [1, 0, 0, 1], rtol=0, atol=SAME_PX / 100)
    if not straight or abs(column - round(column)) > SAME_PX or abs(row - round(row)) > SAME_PX:
        return None
    return round(column), round(row)


def read_aligned(raster: Any, column: int, row: int, width: int, height: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Read a window pixel by pixel, without resampling; pixels beyond the raster are invalid.

    Args:
        raster: open raster.
        column: column of the window's first pixel, possibly negative.
        row: row of the window's first pixel, possibly negative.
        width: width of the window (pixels).
        height: height of the window (pixels).

    Returns:
        (bands, height, width) pixels, and the mask of the valid ones.
    """
    left, top = max(column, 0), max(row, 0)
    right, bottom = min(column + width, raster.width), min(row + height, raster.height)
    pixels = np.zeros((raster.count, height, width), raster.dtypes[0])
    valid = np.zeros(pixels.shape, dtype=bool)
    if left < right and top < bottom:
        window = Window(left, top, right - left, bottom - top)
        part = raster.read(window=window)
        inner = (slice(None), slice(top - row, bottom - row), slice(left - column, right - column))
        pixels[inner], valid[inner] = part, read_valid(raster, window) & np.isfinite(part)
    return pixels, valid
