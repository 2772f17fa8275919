"""Pictures for the page of a map: imagery, coloured layers above it, and a picture of each place, as PNG."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import rasterio
from matplotlib.image import imsave
from numpy.typing import NDArray

from workflow_lib.data.scene_rasters import Bounds
from workflow_lib.data.scenes import Grid, Layer, overview
from workflow_lib.report.page_parts import data_address
from workflow_lib.report.plots.scene_plots import visible_bands, visible_range

_OVERVIEW_PX = 1600
_OPACITY = 0.75


@dataclass(frozen=True)
class Placed:
    """A picture, and where it lies on the imagery: shares of its width and height (percent).

    Args:
        name: what it shows.
        address: data URL.
        left, top, width, height: place and size.
    """

    name: str
    address: str
    left: float
    top: float
    width: float
    height: float


class Imagery:
    """The scenes of an area as pictures, in the CRS of its map.

    Args:
        files: scenes; the first three bands are red, green and blue, or the only one is grey.
        probability: probability map, which gives the CRS.
    """

    def __init__(self, files: Sequence[Path], probability: Path) -> None:
        with rasterio.open(probability) as raster:
            self._crs = raster.crs
        self._files = files
        pixels, self._bounds = overview(files, self._crs.to_string(), _OVERVIEW_PX)
        self._bands, self._overview = len(pixels), visible_bands(pixels)
        self._ranges = [visible_range(band) for band in self._overview]

    @property
    def address(self) -> str:
        """Data URL of the whole area; white where there is no data. A JPEG, since a PNG would be ten times as large."""
        colours = self._colours(np.ma.filled(self._overview.astype(float), np.nan))
        colours[colours[..., 3] == 0] = 255
        buffer = BytesIO()
        imsave(buffer, colours[..., :3], format="jpeg", pil_kwargs={"quality": 85})
        return data_address(buffer.getvalue(), "jpeg")

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the picture."""
        _, height, width = self._overview.shape
        return width, height

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return where a place lies on the picture: shares of width and height (percent), from the upper left."""
        left, bottom, right, top = self._bounds
        return 100 * (x - left) / (right - left), 100 * (top - y) / (top - bottom)

    def put(self, name: str, image: NDArray[np.uint8], bounds: Bounds) -> Placed:
        """Place a (height, width, 4) picture with the given bounds on the imagery."""
        (west, north), (east, south) = self.place(bounds[0], bounds[3]), self.place(bounds[2], bounds[1])
        return Placed(name, _encode(image), west, north, east - west, south - north)

    def around(self, places: Sequence[tuple[float, float]], resolution_m: float, size_px: int) -> list[str]:
        """Return the data URL of a picture around each place, as large as a chip.

        Args:
            places: x and y of each place.
            resolution_m: pixel size (m).
            size_px: height and width (pixels).
        """
        grid = Grid.of(self._files[0], resolution_m, self._crs.to_string())
        with Layer(self._files, self._bands, grid, "bilinear") as layer:
            found = []
            for x, y in places:
                pixels, valid = layer.read(*grid.corner(x, y, size_px), size_px, size_px)
                found.append(_encode(self._colours(np.where(valid, pixels, np.nan)[: len(self._ranges)])))
        return found

    def _colours(self, pixels: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
        """Return the (height, width, 4) colours of (bands, height, width) values; NaN is transparent."""
        bands = [(band - low) / (high - low) for band, (low, high) in zip(pixels, self._ranges, strict=True)]
        colours = np.stack(bands * (3 if len(bands) == 1 else 1) + [np.isfinite(pixels).all(0)], axis=-1)
        shown: NDArray[np.uint8] = (255 * np.clip(np.nan_to_num(colours), 0, 1)).astype(np.uint8)
        return shown


def probability_layer(imagery: Imagery, file: Path, name: str) -> Placed:
    """Colour the probability of a class, from transparent to opaque."""
    with rasterio.open(file) as raster:
        shares, bounds = raster.read(raster.descriptions.index(name) + 1), raster.bounds
    known = np.isfinite(shares)
    colours = matplotlib.colormaps["magma"](np.nan_to_num(shares))
    colours[..., 3] = np.where(known, _OPACITY * np.nan_to_num(shares), 0)
    return imagery.put(f"probability of {name}", (255 * colours).astype(np.uint8), tuple(bounds))


def classes_layer(imagery: Imagery, file: Path) -> Placed:
    """Colour the most probable class with the map's own colour table."""
    with rasterio.open(file) as raster:
        classes, bounds, table = raster.read(1), raster.bounds, raster.colormap(1)
        nodata = raster.nodata
    colours = np.array([table.get(number, (0, 0, 0, 0)) for number in range(256)], dtype=np.uint8)[classes]
    colours[..., 3] = np.where(classes == nodata, 0, round(255 * _OPACITY))
    return imagery.put("most probable class", colours, tuple(bounds))


def _encode(image: NDArray[np.uint8]) -> str:
    buffer = BytesIO()
    imsave(buffer, image, format="png", metadata={"Software": ""})
    return data_address(buffer.getvalue(), "png")
