"""Scenes, possibly many tiles of different resolution and CRS, read as one raster on a grid of square pixels."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform

from workflow_lib.core.errors import UserError
from workflow_lib.data.ground import MAX_SCALE_ERROR, utm_zone
from workflow_lib.data.masks import is_scaled, scaling_of
from workflow_lib.data.scene_rasters import (
    METRE,
    SAME_PX,
    TOLERANCE_PX,
    Bounds,
    Header,
    Scene,
    aligned_offset,
    extent_of,
    ground_scale,
    named_crs,
    open_bands,
    open_scene,
    overlaps,
    pixel_m,
    read_aligned,
    union,
)

Method = Literal["nearest", "bilinear"]
_MAX_OPEN_FILES = 32


@dataclass(frozen=True)
class Grid:
    """An unbounded grid of square pixels, north up; columns and rows are counted from an arbitrary origin.

    Args:
        crs: projected CRS, in metres.
        resolution_m: side of a pixel (m).
        west, north: outer edges of pixel (0, 0) (m).

    >>> grid = Grid(CRS.from_epsg(32614), 2.0, 100.0, 900.0)
    >>> grid.corner(120.0, 880.0, size_px=4), grid.bounds(8, 8, 4, 4)
    ((8, 8), (116.0, 876.0, 124.0, 884.0))
    """

    crs: CRS
    resolution_m: float
    west: float
    north: float

    @classmethod
    def of(cls, file: Path, resolution_m: float, crs: str | None = None) -> Self:
        """Create the grid of a scene's pixels, or one with another resolution or CRS from the same corner.

        If the scene's CRS is not true to scale on the ground (web Mercator), the UTM zone is used instead.

        Args:
            file: scene.
            resolution_m: side of a pixel (m).
            crs: name of the CRS; None: that of the scene.

        Raises:
            UserError: if the CRS is unknown, not in metres or not true to scale, or the file is not a raster.
        """
        with open_scene(file) as raster:
            if raster.crs is None:
                raise UserError("has no CRS", file, "assign one, for example with gdal_edit.py -a_srs")
            grid_crs = named_crs(crs, file) if crs else raster.crs
            if not grid_crs.is_projected or abs(grid_crs.linear_units_factor[1] - METRE) > SAME_PX:
                raise UserError(
                    f"has CRS {grid_crs}, which is not projected in metres", file, "name one (data.clip.crs, or --crs)"
                )
            left, bottom, right, top = extent_of(raster, grid_crs)
            scale = ground_scale(grid_crs, (left + right) / 2, (bottom + top) / 2, file)
            if abs(scale - 1) > MAX_SCALE_ERROR:
                if crs:
                    raise UserError(
                        f"a metre of {grid_crs} is {scale:.2f} m on the ground here", file, "name the CRS of a UTM zone"
                    )
                longitudes, latitudes = transform(grid_crs, "EPSG:4326", [(left + right) / 2], [(bottom + top) / 2])
                grid_crs = utm_zone(longitudes[0], latitudes[0])
                left, _, _, top = extent_of(raster, grid_crs)
        return cls(grid_crs, resolution_m, left, top)

    def transform(self, column: int, row: int) -> Affine:
        """Return the transform from pixels, counted from (column, row), to coordinates."""
        size = self.resolution_m
        return Affine(size, 0.0, self.west + column * size, 0.0, -size, self.north - row * size)

    def moved_to(self, extent: Bounds) -> "Grid":
        """Return an aligned grid whose pixel (0, 0) is in the north-western corner of an extent."""
        size = self.resolution_m
        columns, rows = (
            floor((extent[0] - self.west) / size + SAME_PX),
            floor((self.north - extent[3]) / size + SAME_PX),
        )
        return replace(self, west=self.west + columns * size, north=self.north - rows * size)

    def corner(self, x: float, y: float, size_px: int) -> tuple[int, int]:
        """Return the column and row of the first pixel of the square whose centre is nearest to a point.

        Args:
            x, y: easting and northing of the point (m).
            size_px: side of the square (pixels).
        """
        half = size_px / 2
        return (
            round((x - self.west) / self.resolution_m - half),
            round((self.north - y) / self.resolution_m - half),
        )

    def bounds(self, column: int, row: int, width: int, height: int) -> Bounds:
        """Return the outer edges of a window.

        Args:
            column, row: first pixel of the window.
            width, height: size of the window (pixels).
        """
        transform = self.transform(column, row)
        right, bottom = transform @ (width, height)
        return transform.c, bottom, right, transform.f


class Layer:
    """Scenes of the same bands, read as one raster; where scenes overlap, the first valid pixel is used.

    Use it as a context manager, because it keeps some files open.

    Args:
        files: GeoTIFF or VRT files.
        bands: number of bands that each file must have.
        grid: grid on which the scenes are read.
        resampling: resampling of scenes that are not aligned with the grid.
        declared: values that count as nodata in addition to what the files declare (`data.nodata`).

    Attributes:
        extents: bounds of each file, in the grid's CRS.
        resolutions_m: pixel size of each file on the ground, at its centre (m).
        scaling: scale and offset of each band, which `read` applies.
        stored_type: data type of the files' pixels.
        dtype: data type of the pixels that `read` returns.
        nodata: value of invalid pixels; None if the scenes have no nodata value.

    Raises:
        UserError: if there is no file, or a file is not a raster, lacks a CRS, has another number of bands, or differs
            from the others in data type, nodata, scale or offset.
    """

    def __init__(
        self, files: Sequence[Path], bands: int, grid: Grid, resampling: Method, declared: Sequence[float] = ()
    ) -> None:
        if not files:
            raise UserError("no scene", "scenes", "check data.regions: the patterns in `scenes` match no file")
        self._files, self._bands, self._grid, self._declared = list(files), bands, grid, tuple(declared)
        self._resampling = Resampling[resampling]
        self._opened: OrderedDict[Path, Scene] = OrderedDict()
        self.extents: list[Bounds] = []
        self.resolutions_m: list[float] = []
        headers = [self._read_header(file) for file in files]
        first = headers[0]
        for file, header in zip(files, headers, strict=True):
            first.check_same(header, file)
        self.scaling, self.stored_type = first.scaling, first.dtype
        # Stored pixels cannot express scaled values, or nodata that differs from band to band.
        self._floats = is_scaled(first.scaling) or len(set(map(str, first.nodata))) > 1 or bool(declared)
        self.dtype: str = "float32" if self._floats else first.dtype
        self.nodata: float | None = np.nan if self._floats else first.nodata[0]

    def _read_header(self, file: Path) -> "Header":
        with open_bands(file, self._bands) as raster:
            if raster.crs is None:
                raise UserError("has no CRS", file, "assign one, for example with gdal_edit.py -a_srs")
            kinds = sorted(set(raster.dtypes))
            if len(kinds) > 1:
                raise UserError(f"holds {' and '.join(kinds)}", file, "convert it")
            self.extents.append(extent_of(raster, self._grid.crs))
            self.resolutions_m.append(pixel_m(raster))
            return Header(kinds[0], raster.nodatavals, scaling_of(raster))

    @property
    def extent(self) -> Bounds:
        """Return the bounds of all files together."""
        return union(self.extents)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._opened:
            self._opened.popitem()[1].close()

    def read(self, column: int, row: int, width: int, height: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Read a window of the grid, which may extend beyond the scenes.

        Args:
            column, row: first pixel of the window.
            width, height: size of the window (pixels).

        Returns:
            (bands, height, width) pixels, and the mask of the valid ones; invalid pixels hold `nodata`, or 0.

        Raises:
            UserError: if a file cannot be read.
        """
        window = self._grid.bounds(column, row, width, height)
        pixels = valid = None
        for file, extent in zip(self._files, self.extents, strict=True):
            if not overlaps(extent, window):
                continue
            try:
                part, known = self._read_scene(self._scene(file), self._grid.transform(column, row), width, height)
            except RasterioError as error:
                raise UserError(f"cannot be read ({error})", file) from None
            if pixels is None or valid is None:
                pixels, valid = part, known
            else:
                pixels, valid = np.where(valid, pixels, part), valid | known
            if valid.all():
                break
        if pixels is None or valid is None:
            pixels = np.zeros((self._bands, height, width), self.dtype)
            valid = np.zeros(pixels.shape, dtype=bool)
        return np.where(valid, pixels, pixels.dtype.type(0 if self.nodata is None else self.nodata)), valid

    def _scene(self, file: Path) -> "Scene":
        if file in self._opened:
            self._opened.move_to_end(file)
        else:
            if len(self._opened) >= _MAX_OPEN_FILES:
                self._opened.popitem(last=False)[1].close()
            self._opened[file] = Scene(open_bands(file, self._bands), self._declared)
        return self._opened[file]

    def _read_scene(
        self, scene: "Scene", transform: Affine, width: int, height: int
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        raster = scene.raster
        offset = aligned_offset(raster, transform, self._grid.crs)
        if offset:
            return read_aligned(scene.floats if self._floats else raster, *offset, width, height)
        extent, size = extent_of(raster, self._grid.crs), self._grid.resolution_m
        # GDAL smooths when it downsamples. By default it derives the scale from each window, and the same location
        # would get different values in different windows.
        scales = (
            (extent[2] - extent[0]) / raster.width / size, (extent[3] - extent[1]) / raster.height / size
        )  # fmt: skip
        downsampling = {name: scale for name, scale in zip(("XSCALE", "YSCALE"), scales, strict=True) if scale < 1}
        with WarpedVRT(
            scene.floats, crs=self._grid.crs, transform=transform, width=width, height=height, nodata=np.nan,
            resampling=self._resampling, tolerance=TOLERANCE_PX, UNIFIED_SRC_NODATA="NO", **downsampling,
        ) as warped:  # fmt: skip
            pixels = warped.read()
        valid = np.isfinite(pixels)
        rounded = np.rint(pixels) if np.issubdtype(self.dtype, np.integer) else pixels
        return np.where(valid, rounded, 0).astype(self.dtype), valid


def combined_bounds(files: Sequence[Path], crs: CRS) -> Bounds:
    """Return the bounds of all scenes together, in a CRS."""
    extents = []
    for file in files:
        with open_scene(file) as raster:
            extents.append(extent_of(raster, crs))
    return union(extents)


def overview(files: Sequence[Path], crs: str, most_px: int) -> tuple[NDArray[Any], Bounds]:
    """Read scenes at a low resolution, for maps.

    Args:
        files: scene files.
        crs: name of the CRS of the overview.
        most_px: length of its longer side (pixels).

    Returns:
        (bands, height, width) masked array, and its bounds.
    """
    grid = Grid.of(files[0], METRE, crs)
    with open_scene(files[0]) as raster:
        bands = raster.count
    left, bottom, right, top = combined_bounds(files, grid.crs)
    size = max(right - left, top - bottom) / most_px
    coarse = Grid(grid.crs, size, left, top)
    width, height = max(1, round((right - left) / size)), max(1, round((top - bottom) / size))
    with Layer(files, bands, coarse, "nearest") as layer:
        pixels, valid = layer.read(0, 0, width, height)
    return np.ma.masked_array(pixels, ~valid), coarse.bounds(0, 0, width, height)
