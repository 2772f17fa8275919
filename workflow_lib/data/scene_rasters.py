"""Scene files: what each says of itself, and its pixels on the grid of a map."""

from collections.abc import Sequence
from dataclasses import dataclass
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
from workflow_lib.data.ground import TRANSFORM_ERRORS, scale_at
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
"""Two lattices are the same if no pixel is off by more than this share of its side."""

METRE = 1.0

# Of the warp: small enough for windows beside each other to fit; rasterio cannot do without (0 fails).
TOLERANCE_PX = 0.001


@dataclass(frozen=True)
class Header:
    """What the scenes of a layer must have in common."""

    dtype: str
    nodata: tuple[float | None, ...]
    scaling: BandScaling

    def check_same(self, other: "Header", file: Path) -> None:
        """Refuse a scene that differs from the first one.

        Raises:
            UserError: if it does; it names `file`.
        """
        if other.dtype != self.dtype:
            kinds = " and ".join(sorted([self.dtype, other.dtype]))
            raise UserError(f"holds {kinds}, with the scenes before it", file, "convert it")
        if str(other.nodata) != str(self.nodata):
            gaps = " and ".join(sorted({str(value) for value in (*self.nodata, *other.nodata)}))
            raise UserError(
                f"has nodata {gaps}, with the scenes before it", file,
                "give all the same, such as with gdal_edit.py -a_nodata",
            )  # fmt: skip
        for band, (first, here) in enumerate(zip(self.scaling, other.scaling, strict=True), start=1):
            if first != here:
                raise UserError(
                    f"band {band} has {describe_scaling(here)}, and the scenes before it have "
                    f"{describe_scaling(first)}", file, "give all the same, such as with gdal_edit.py -scale -offset",
                )  # fmt: skip


class Scene:
    """An open scene, and the same as floats, which is made when it is first needed."""

    def __init__(self, raster: Any, declared: Sequence[float]) -> None:
        self.raster = raster
        self._declared = declared
        self._as_floats: Any = None

    @property
    def floats(self) -> Any:
        """Scaled values, NaN where there is no data."""
        if self._as_floats is None:
            self._as_floats = as_floats(self.raster, self._declared)
        return self._as_floats

    def close(self) -> None:
        """Close both."""
        if self._as_floats is not None:
            self._as_floats.close()
        self.raster.close()


def open_scene(file: Path) -> Any:
    """Open a raster; a file that is none is refused in one line."""
    try:
        return rasterio.open(file.absolute())
    except RasterioError as error:
        raise UserError(f"not a readable raster ({error})", file) from None


def open_bands(file: Path, bands: int) -> Any:
    """Open a raster that must have a number of bands."""
    try:
        return open_raster(file, bands)
    except RasterioError as error:
        raise UserError(f"not a readable raster ({error})", file) from None


def ground_scale(crs: CRS, x: float, y: float, file: Path) -> float:
    """Metres on the ground per unit of a CRS, at a place."""
    try:
        return scale_at(crs, x, y)
    except TRANSFORM_ERRORS as error:
        raise UserError(f"has a CRS without a place on the ground ({error})", file, "assign one") from None


def named_crs(name: str, where: Path) -> CRS:
    """A CRS by its name, such as EPSG:26914.

    Raises:
        UserError: if there is none of that name; it names `where`.
    """
    try:
        return CRS.from_user_input(name)
    except (CRSError, ValueError):
        raise UserError(f"{name} is no CRS", where, "name one such as EPSG:26914") from None


def extent_of(raster: Any, crs: CRS) -> Bounds:
    """Bounds of a raster in a CRS."""
    try:
        bounds = (
            raster.bounds if raster.crs == crs else transform_bounds(raster.crs, crs, *raster.bounds, densify_pts=21)
        )
    except TRANSFORM_ERRORS as error:
        raise UserError(f"does not lie in {crs.to_string()} ({error})", raster.name, "check its CRS") from None
    left, bottom, right, top = map(float, bounds)
    return min(left, right), min(bottom, top), max(left, right), max(bottom, top)  # a raster may be south up


def union(extents: Sequence[Bounds]) -> Bounds:
    """The smallest bounds around several."""
    left, bottom, right, top = zip(*extents, strict=True)
    return min(left), min(bottom), max(right), max(top)


def overlaps(first: Bounds, second: Bounds) -> bool:
    """Whether two bounds have an area in common."""
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def aligned_offset(raster: Any, transform: Affine, crs: CRS) -> tuple[int, int] | None:
    """Column and row of a window in a raster whose pixels are the window's; None if they are not."""
    if raster.crs != crs:
        return None
    own = raster.transform
    scale = ~own @ transform
    column, row = scale.c, scale.f
    straight = np.allclose([scale.a, scale.b, scale.d, scale.e], [1, 0, 0, 1], rtol=0, atol=SAME_PX / 100)
    if not straight or abs(column - round(column)) > SAME_PX or abs(row - round(row)) > SAME_PX:
        return None
    return round(column), round(row)


def read_aligned(raster: Any, column: int, row: int, width: int, height: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Read a window pixel by pixel, without resampling; what lies beyond the raster is invalid."""
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
