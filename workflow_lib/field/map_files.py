"""Maps as cloud-optimized GeoTIFFs: the probabilities of all classes, and the most probable class."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.transform import Affine

from workflow_lib.data.scenes import Grid
from workflow_lib.field.abstention import DONT_KNOW, NO_CLASS
from workflow_lib.field.sliding import Block, Windows

# Okabe and Ito's colours, which people with colour blindness can tell apart; then they repeat.
_COLOURS = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0), (240, 228, 66),
)  # fmt: skip
_GREY = (153, 153, 153)


def write_probabilities(
    path: Path, blocks: Iterator[Block], classes: Sequence[str], grid: Grid, windows: Windows
) -> Iterator[Block]:
    """Write a GeoTIFF with one band per class while passing its blocks on; each pixel is one window's cell.

    Args:
        path: the file, which `lay_out` turns into a map.
        blocks: squares of windows and their (classes, rows, columns) probabilities, as yielded by `sliding.slide`.
        classes: class names, written as band descriptions.
        grid: pixel grid of the scenes.
        windows: the windows that the blocks split.

    Yields:
        The blocks, unchanged.
    """
    with _open(path, grid, windows, dtype="float32", nodata=np.nan, count=len(classes)) as raster:
        for number, name in enumerate(classes, start=1):
            raster.set_band_description(number, name)
        for block in blocks:
            _write(raster, block)
            yield block


def write_classes(
    path: Path, blocks: Iterator[Block], classes: Sequence[str], grid: Grid, windows: Windows, abstain_below: float
) -> Iterator[Block]:
    """Write a GeoTIFF with the number of each window's most probable class while passing the blocks on.

    It has a colour table, and tags CLASS_0, CLASS_1 and so on with the names; the last one is `DONT_KNOW`.

    Args:
        path: the file, which `lay_out` turns into a map.
        blocks: squares of windows and their (classes, rows, columns) probabilities, as yielded by `sliding.slide`.
        classes: class names.
        grid: pixel grid of the scenes.
        windows: the windows that the blocks split.
        abstain_below: probability of the most probable class below which the model abstains.

    Yields:
        The blocks, unchanged.
    """
    names = [*classes, DONT_KNOW]
    with _open(path, grid, windows, dtype="uint8", nodata=NO_CLASS, count=1) as raster:
        raster.set_band_description(1, "class")
        raster.update_tags(1, **{f"CLASS_{number}": name for number, name in enumerate(names)})
        raster.update_tags(ABSTAIN_BELOW=f"{abstain_below:g}")
        colours = [_COLOURS[number % len(_COLOURS)] for number in range(len(classes))]
        raster.write_colormap(1, dict(enumerate([*colours, _GREY])))
        for block in blocks:
            square, probabilities = block
            known = np.isfinite(probabilities[0])
            chosen = np.where(known, np.nan_to_num(probabilities).argmax(0), NO_CLASS)
            unsure = known & (probabilities.max(0) < abstain_below)
            _write(raster, (square, np.where(unsure, len(classes), chosen)[None].astype(np.uint8)))
            yield block


def _open(path: Path, grid: Grid, windows: Windows, **profile: Any) -> Any:
    size = grid.resolution_m * windows.stride_px
    return rasterio.open(
        path, "w", driver="GTiff", height=windows.rows, width=windows.columns, crs=grid.crs,
        transform=Affine(size, 0, grid.west, 0, -size, grid.north),
        # Strips as high as blocks: each is compressed once, so that the same map always gives the same file.
        blockysize=min(windows.side, windows.rows), compress="deflate", bigtiff="IF_SAFER", **profile,
    )  # fmt: skip


def _write(raster: Any, block: tuple[Any, Any]) -> None:
    (row, column, rows, columns), values = block
    raster.write(values, window=((row, row + rows), (column, column + columns)))


def lay_out(source: Path, path: Path, resampling: str) -> None:
    """Copy a GeoTIFF as a cloud-optimized one, with overviews.

    Args:
        source: file of `write_probabilities` or `write_classes`.
        path: the map; the caller makes it atomic.
        resampling: how the overviews are made: average or mode.
    """
    rasterio.shutil.copy(
        source, path, driver="COG", compress="deflate", overview_resampling=resampling, bigtiff="IF_SAFER",
        num_threads="1",
    )  # fmt: skip
