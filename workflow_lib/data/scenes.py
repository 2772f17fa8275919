"""Whole scenes, possibly many tiles of other resolutions and CRS, read as one on a lattice of square pixels."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import CRSError, RasterioError
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform, transform_bounds
from rasterio.windows import Window

from workflow_lib.core.errors import UserError
from workflow_lib.data.ground import TRANSFORM_ERRORS, TRUE_TO_SCALE, scale_at, utm_zone
from workflow_lib.data.masks import (
    Scaling,
    as_floats,
    describe_scaling,
    is_scaled,
    open_raster,
    read_valid,
    scaling_of,
)

Method = Literal["nearest", "bilinear"]
Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top."""

_MOST_OPEN = 32
# A lattice is another one's if no pixel is off by more than this share of its side.
_SAME = 1e-4
_METRE = 1.0
# Of the warp: small enough for windows beside each other to fit; rasterio cannot do without (0 fails).
_TOLERANCE_PX = 0.001


@dataclass(frozen=True)
class Grid:
    """A lattice of square pixels, north up; a pixel is named by its column and row from a corner anywhere.

    Args:
        crs: projected, in metres.
        resolution_m: side of a pixel.
        west, north: outer corner of pixel (0, 0).
    """

    crs: CRS
    resolution_m: float
    west: float
    north: float

    @classmethod
    def of(cls, file: Path, resolution_m: float, crs: str | None = None) -> Self:
        """The grid that a scene's own pixels lie on, or another resolution or CRS from the same corner.

        Where the metres of the scene's CRS are not metres on the ground (web Mercator), it is that of the UTM zone.

        Raises:
            UserError: if the CRS is unknown or not in metres, or the file is no raster.
        """
        with _open(file) as raster:
            if raster.crs is None:
                raise UserError("has no CRS", file, "assign one, such as with gdal_edit.py -a_srs")
            own = named_crs(crs, file) if crs else raster.crs
            if not own.is_projected or abs(own.linear_units_factor[1] - _METRE) > _SAME:
                raise UserError(
                    f"has the CRS {own}, which is not projected in metres", file, "name one (data.clip.crs, or --crs)"
                )
            left, bottom, right, top = _extent(raster, own)
            scale = _scale(own, (left + right) / 2, (bottom + top) / 2, file)
            if abs(scale - 1) > TRUE_TO_SCALE:
                if crs:
                    raise UserError(
                        f"a metre of {own} is {scale:.2f} m on the ground here", file, "name the CRS of a UTM zone"
                    )
                longitudes, latitudes = transform(own, "EPSG:4326", [(left + right) / 2], [(bottom + top) / 2])
                own = utm_zone(longitudes[0], latitudes[0])
                left, _, _, top = _extent(raster, own)
        return cls(own, resolution_m, left, top)

    def transform(self, column: int, row: int) -> Affine:
        """From pixels, counted from (column, row), to coordinates."""
        size = self.resolution_m
        return Affine(size, 0.0, self.west + column * size, 0.0, -size, self.north - row * size)

    def moved_to(self, extent: Bounds) -> "Grid":
        """The same lattice with pixel (0, 0) in the north-western corner of an extent."""
        size = self.resolution_m
        columns, rows = floor((extent[0] - self.west) / size + _SAME), floor((self.north - extent[3]) / size + _SAME)
        return replace(self, west=self.west + columns * size, north=self.north - rows * size)

    def corner(self, x: float, y: float, size_px: int) -> tuple[int, int]:
        """Column and row of the first pixel of a square whose centre is as near to a point as can be."""
        half = size_px / 2
        return (
            round((x - self.west) / self.resolution_m - half),
            round((self.north - y) / self.resolution_m - half),
        )

    def bounds(self, column: int, row: int, width: int, height: int) -> Bounds:
        """Outer edges of a window."""
        transform = self.transform(column, row)
        right, bottom = transform @ (width, height)
        return transform.c, bottom, right, transform.f


class Layer:
    """Scenes of the same bands, read as one: the first that has a pixel gives it.

    Use it as a context: it keeps some of the files open.

    Args:
        files: GeoTIFFs or VRTs.
        bands: how many each must have.
        grid: that they are read on.
        resampling: of those that do not lie on the grid.
        declared: values that are nodata, whatever the files say (`data.nodata`).

    Attributes:
        extents: bounds of each file, in the grid's CRS.
        scaling: scale and offset of each band, which are applied to what is read.
        dtype: of the pixels.
        nodata: value of invalid pixels, None where scenes have none.

    Raises:
        UserError: if there is no file, or one is no raster of so many bands with a CRS, or differs from the others in
            data type, nodata, scale or offset.
    """

    def __init__(
        self, files: Sequence[Path], bands: int, grid: Grid, resampling: Method, declared: Sequence[float] = ()
    ) -> None:
        if not files:
            raise UserError("no scene", "scenes", "see data.regions: its `scenes` match no file")
        self._files, self._bands, self._grid, self._declared = list(files), bands, grid, tuple(declared)
        self._resampling = Resampling[resampling]
        self._opened: OrderedDict[Path, _Scene] = OrderedDict()
        self.extents: list[Bounds] = []
        headers = [self._read_header(file) for file in files]
        first = headers[0]
        for file, header in zip(files, headers, strict=True):
            first.check_same(header, file)
        self.scaling = first.scaling
        # Values that pixels do not hold as they are: scaled ones, and gaps that differ from band to band.
        self._floats = is_scaled(first.scaling) or len(set(map(str, first.nodata))) > 1 or bool(declared)
        self.dtype: str = "float32" if self._floats else first.dtype
        self.nodata: float | None = np.nan if self._floats else first.nodata[0]

    def _read_header(self, file: Path) -> "_Header":
        with _open_bands(file, self._bands) as raster:
            if raster.crs is None:
                raise UserError("has no CRS", file, "assign one, such as with gdal_edit.py -a_srs")
            kinds = sorted(set(raster.dtypes))
            if len(kinds) > 1:
                raise UserError(f"holds {' and '.join(kinds)}", file, "convert it")
            self.extents.append(_extent(raster, self._grid.crs))
            return _Header(kinds[0], raster.nodatavals, scaling_of(raster))

    @property
    def extent(self) -> Bounds:
        """Bounds of all files together."""
        return _union(self.extents)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._opened:
            self._opened.popitem()[1].close()

    def read(self, column: int, row: int, width: int, height: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Read a window of the grid, which may reach beyond the scenes.

        Args:
            column, row: of its first pixel.
            width, height: in pixels.

        Returns:
            (bands, height, width) pixels, and which of them are valid; the others hold `nodata`, or 0.

        Raises:
            UserError: if a file cannot be read.
        """
        window = self._grid.bounds(column, row, width, height)
        pixels = valid = None
        for file, extent in zip(self._files, self.extents, strict=True):
            if not _overlap(extent, window):
                continue
            try:
                found, there = self._read_scene(self._scene(file), self._grid.transform(column, row), width, height)
            except RasterioError as error:
                raise UserError(f"cannot be read ({error})", file) from None
            if pixels is None or valid is None:
                pixels, valid = found, there
            else:
                pixels, valid = np.where(valid, pixels, found), valid | there
            if valid.all():
                break
        if pixels is None or valid is None:
            pixels = np.zeros((self._bands, height, width), self.dtype)
            valid = np.zeros(pixels.shape, dtype=bool)
        return np.where(valid, pixels, pixels.dtype.type(0 if self.nodata is None else self.nodata)), valid

    def _scene(self, file: Path) -> "_Scene":
        if file in self._opened:
            self._opened.move_to_end(file)
        else:
            if len(self._opened) >= _MOST_OPEN:
                self._opened.popitem(last=False)[1].close()
            self._opened[file] = _Scene(_open_bands(file, self._bands), self._declared)
        return self._opened[file]

    def _read_scene(
        self, scene: "_Scene", transform: Affine, width: int, height: int
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        raster = scene.raster
        offset = _offset(raster, transform, self._grid.crs)
        if offset:
            return _read_aligned(scene.floats if self._floats else raster, *offset, width, height)
        extent, size = _extent(raster, self._grid.crs), self._grid.resolution_m
        # What GDAL smooths by where it shrinks: it would take it from each window, and the same place would have other
        # values in other windows.
        scales = (
            (extent[2] - extent[0]) / raster.width / size, (extent[3] - extent[1]) / raster.height / size
        )  # fmt: skip
        shrunk = {name: scale for name, scale in zip(("XSCALE", "YSCALE"), scales, strict=True) if scale < 1}
        with WarpedVRT(
            scene.floats, crs=self._grid.crs, transform=transform, width=width, height=height, nodata=np.nan,
            resampling=self._resampling, tolerance=_TOLERANCE_PX, UNIFIED_SRC_NODATA="NO", **shrunk,
        ) as warped:  # fmt: skip
            pixels = warped.read()
        valid = np.isfinite(pixels)
        whole = np.rint(pixels) if np.issubdtype(self.dtype, np.integer) else pixels
        return np.where(valid, whole, 0).astype(self.dtype), valid


@dataclass(frozen=True)
class _Header:
    """What the scenes of a layer must have in common."""

    dtype: str
    nodata: tuple[float | None, ...]
    scaling: Scaling

    def check_same(self, other: "_Header", file: Path) -> None:
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


class _Scene:
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


def covered(files: Sequence[Path], crs: CRS) -> Bounds:
    """Bounds of scenes together, in a CRS."""
    extents = []
    for file in files:
        with _open(file) as raster:
            extents.append(_extent(raster, crs))
    return _union(extents)


def overview(files: Sequence[Path], crs: str, most_px: int) -> tuple[NDArray[Any], Bounds]:
    """A small picture of scenes, for maps.

    Args:
        files: the scenes.
        crs: of the picture.
        most_px: its longer side.

    Returns:
        (bands, height, width) masked array, and its bounds.
    """
    grid = Grid.of(files[0], _METRE, crs)
    with _open(files[0]) as raster:
        bands = raster.count
    left, bottom, right, top = covered(files, grid.crs)
    size = max(right - left, top - bottom) / most_px
    coarse = Grid(grid.crs, size, left, top)
    width, height = max(1, round((right - left) / size)), max(1, round((top - bottom) / size))
    with Layer(files, bands, coarse, "nearest") as layer:
        pixels, valid = layer.read(0, 0, width, height)
    return np.ma.masked_array(pixels, ~valid), coarse.bounds(0, 0, width, height)


def _open(file: Path) -> Any:
    try:
        return rasterio.open(file.absolute())
    except RasterioError as error:
        raise UserError(f"not a readable raster ({error})", file) from None


def _open_bands(file: Path, bands: int) -> Any:
    try:
        return open_raster(file, bands)
    except RasterioError as error:
        raise UserError(f"not a readable raster ({error})", file) from None


def _scale(crs: CRS, x: float, y: float, file: Path) -> float:
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


def _extent(raster: Any, crs: CRS) -> Bounds:
    try:
        bounds = (
            raster.bounds if raster.crs == crs else transform_bounds(raster.crs, crs, *raster.bounds, densify_pts=21)
        )
    except TRANSFORM_ERRORS as error:
        raise UserError(f"does not lie in {crs.to_string()} ({error})", raster.name, "check its CRS") from None
    left, bottom, right, top = map(float, bounds)
    return min(left, right), min(bottom, top), max(left, right), max(bottom, top)  # a raster may be south up


def _union(extents: Sequence[Bounds]) -> Bounds:
    left, bottom, right, top = zip(*extents, strict=True)
    return min(left), min(bottom), max(right), max(top)


def _overlap(first: Bounds, second: Bounds) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def _offset(raster: Any, transform: Affine, crs: CRS) -> tuple[int, int] | None:
    """Column and row of a window in a raster whose pixels are the window's; None if they are not."""
    if raster.crs != crs:
        return None
    own = raster.transform
    scale = ~own @ transform
    column, row = scale.c, scale.f
    straight = np.allclose([scale.a, scale.b, scale.d, scale.e], [1, 0, 0, 1], rtol=0, atol=_SAME / 100)
    if not straight or abs(column - round(column)) > _SAME or abs(row - round(row)) > _SAME:
        return None
    return round(column), round(row)


def _read_aligned(
    raster: Any, column: int, row: int, width: int, height: int
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
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
