"""Whole scenes, possibly many tiles of other resolutions and CRS, read as one on a lattice of square pixels."""

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
from workflow_lib.data.ground import TRUE_TO_SCALE, utm_zone
from workflow_lib.data.masks import (
    is_scaled,
    scaling_of,
)
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
    read_aligned,
    union,
)

Method = Literal["nearest", "bilinear"]
_MOST_OPEN = 32


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
        with open_scene(file) as raster:
            if raster.crs is None:
                raise UserError("has no CRS", file, "assign one, such as with gdal_edit.py -a_srs")
            own = named_crs(crs, file) if crs else raster.crs
            if not own.is_projected or abs(own.linear_units_factor[1] - METRE) > SAME_PX:
                raise UserError(
                    f"has the CRS {own}, which is not projected in metres", file, "name one (data.clip.crs, or --crs)"
                )
            left, bottom, right, top = extent_of(raster, own)
            scale = ground_scale(own, (left + right) / 2, (bottom + top) / 2, file)
            if abs(scale - 1) > TRUE_TO_SCALE:
                if crs:
                    raise UserError(
                        f"a metre of {own} is {scale:.2f} m on the ground here", file, "name the CRS of a UTM zone"
                    )
                longitudes, latitudes = transform(own, "EPSG:4326", [(left + right) / 2], [(bottom + top) / 2])
                own = utm_zone(longitudes[0], latitudes[0])
                left, _, _, top = extent_of(raster, own)
        return cls(own, resolution_m, left, top)

    def transform(self, column: int, row: int) -> Affine:
        """From pixels, counted from (column, row), to coordinates."""
        size = self.resolution_m
        return Affine(size, 0.0, self.west + column * size, 0.0, -size, self.north - row * size)

    def moved_to(self, extent: Bounds) -> "Grid":
        """The same lattice with pixel (0, 0) in the north-western corner of an extent."""
        size = self.resolution_m
        columns, rows = (
            floor((extent[0] - self.west) / size + SAME_PX),
            floor((self.north - extent[3]) / size + SAME_PX),
        )
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
        self._opened: OrderedDict[Path, Scene] = OrderedDict()
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

    def _read_header(self, file: Path) -> "Header":
        with open_bands(file, self._bands) as raster:
            if raster.crs is None:
                raise UserError("has no CRS", file, "assign one, such as with gdal_edit.py -a_srs")
            kinds = sorted(set(raster.dtypes))
            if len(kinds) > 1:
                raise UserError(f"holds {' and '.join(kinds)}", file, "convert it")
            self.extents.append(extent_of(raster, self._grid.crs))
            return Header(kinds[0], raster.nodatavals, scaling_of(raster))

    @property
    def extent(self) -> Bounds:
        """Bounds of all files together."""
        return union(self.extents)

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
            if not overlaps(extent, window):
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

    def _scene(self, file: Path) -> "Scene":
        if file in self._opened:
            self._opened.move_to_end(file)
        else:
            if len(self._opened) >= _MOST_OPEN:
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
        # What GDAL smooths by where it shrinks: it would take it from each window, and the same place would have other
        # values in other windows.
        scales = (
            (extent[2] - extent[0]) / raster.width / size, (extent[3] - extent[1]) / raster.height / size
        )  # fmt: skip
        shrunk = {name: scale for name, scale in zip(("XSCALE", "YSCALE"), scales, strict=True) if scale < 1}
        with WarpedVRT(
            scene.floats, crs=self._grid.crs, transform=transform, width=width, height=height, nodata=np.nan,
            resampling=self._resampling, tolerance=TOLERANCE_PX, UNIFIED_SRC_NODATA="NO", **shrunk,
        ) as warped:  # fmt: skip
            pixels = warped.read()
        valid = np.isfinite(pixels)
        whole = np.rint(pixels) if np.issubdtype(self.dtype, np.integer) else pixels
        return np.where(valid, whole, 0).astype(self.dtype), valid


def covered(files: Sequence[Path], crs: CRS) -> Bounds:
    """Bounds of scenes together, in a CRS."""
    extents = []
    for file in files:
        with open_scene(file) as raster:
            extents.append(extent_of(raster, crs))
    return union(extents)


def overview(files: Sequence[Path], crs: str, most_px: int) -> tuple[NDArray[Any], Bounds]:
    """A small picture of scenes, for maps.

    Args:
        files: the scenes.
        crs: of the picture.
        most_px: its longer side.

    Returns:
        (bands, height, width) masked array, and its bounds.
    """
    grid = Grid.of(files[0], METRE, crs)
    with open_scene(files[0]) as raster:
        bands = raster.count
    left, bottom, right, top = covered(files, grid.crs)
    size = max(right - left, top - bottom) / most_px
    coarse = Grid(grid.crs, size, left, top)
    width, height = max(1, round((right - left) / size)), max(1, round((top - bottom) / size))
    with Layer(files, bands, coarse, "nearest") as layer:
        pixels, valid = layer.read(0, 0, width, height)
    return np.ma.masked_array(pixels, ~valid), coarse.bounds(0, 0, width, height)
