"""Small scenes and points on disk."""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine

UTM = "EPSG:32614"
WEST, NORTH = 600_000.0, 4_500_000.0


def write_scene(
    file: Path, pixels: NDArray[Any], west: float = WEST, north: float = NORTH, resolution: float = 1.0, **options: Any
) -> Path:
    """Write (bands, height, width) values as a GeoTIFF."""
    count, height, width = pixels.shape
    transform = Affine(resolution, 0, west, 0, -resolution, north)
    profile = {"crs": UTM, "transform": transform, "dtype": pixels.dtype} | options
    with rasterio.open(file, "w", driver="GTiff", count=count, height=height, width=width, **profile) as raster:
        raster.write(pixels)
    return file


def noise(bands: int, height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Values from 1 to 255."""
    return np.random.default_rng(seed).integers(1, 256, (bands, height, width)).astype(np.uint8)


def ramps(height: int, width: int) -> NDArray[np.float32]:
    """Two bands: the column and the row of each pixel's centre, in pixels from the corner."""
    rows, columns = np.mgrid[0.5:height, 0.5:width]
    return np.stack([columns, rows]).astype(np.float32)
