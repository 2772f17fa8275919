"""Write synthetic drainage-crossing chips in the folder layout of the CROSS data set."""

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.transform import Affine

from workflow_lib.data.synthetic.landscape import draw_chip
from workflow_lib.data.synthetic.regions import SITES, Site
from workflow_lib.data.synthetic.scene_writer import draw_courses

DEM_NODATA_M = -9999.0
MINIMUM_SIZE_PX = 32

_CLASSES = ("F", "T")
_GRID_COLUMNS = 64
_GRID_SPACING_CHIPS = 4


def generate_chips(
    folder: Path, counts: Mapping[str, Mapping[str, int]], size_px: int, seed: int, noise: float = 0.0
) -> None:
    """Write pairs of chips, elevation in `<region>/DEM/<class>/` and imagery in `<region>/Aer/<class>/`.

    A chip's pixels and location depend only on the seed, its region, class and number, and the size. Raising a count
    therefore adds chips and changes none.

    Args:
        folder: folder in which the regions' folders are created; files of the same names are overwritten.
        counts: number of chips by region and class; classes are T (a road crosses a channel) and F.
        size_px: side of a chip in pixels of 1 m, at least 32.
        seed: base seed, not negative.
        noise: noise added to every band, in standard deviations of the band within its chip.

    Raises:
        ValueError: if a region or a class is unknown, or a count, the size or the seed is out of range.
    """
    _check(counts, size_px, seed)
    with rasterio.Env():
        for region, by_class in counts.items():
            crs = CRS.from_epsg(SITES[region].epsg)
            for label, count in by_class.items():
                for source in ("DEM", "Aer"):
                    (folder / region / source / label).mkdir(parents=True, exist_ok=True)
                for number in range(count):
                    _generate_pair(folder / region, region, label, number, size_px, seed, crs, noise)


def _generate_pair(
    folder: Path, region: str, label: str, number: int, size_px: int, seed: int, crs: CRS, noise: float
) -> None:
    """Draw and write the two files of one chip."""
    site = SITES[region]
    key = (seed, zlib.crc32(region.encode()), _CLASSES.index(label), number)
    rng = np.random.default_rng(np.random.SeedSequence(key))
    transform = _place(rng, site, _CLASSES.index(label), number, size_px)
    courses = draw_courses(rng, label == "T", site.region.grid_road_share, float(size_px))
    dem, aerial = draw_chip(rng, site.region, courses, size_px)
    if noise:  # drawn last, so that chips without noise stay the same
        dem = _add_noise(rng, dem, noise)
        aerial = np.clip(_add_noise(rng, aerial, noise), 1, 255).astype(np.uint8)
    name = f"{region}_{label}_{number:05d}.tif"
    _write(folder / "DEM" / label / name, dem[None], crs, transform, nodata=DEM_NODATA_M)
    # By default GDAL treats the fourth of four byte bands as transparency; here it is near infrared.
    _write(folder / "Aer" / label / name, aerial, crs, transform, photometric="RGB", alpha="NO")


def _add_noise(rng: np.random.Generator, bands: np.ndarray, noise: float) -> np.ndarray:
    """Add noise to (..., n, n) bands, in multiples of each band's standard deviation."""
    deviation = bands.std((-2, -1), keepdims=True, dtype=np.float32)
    noisy: np.ndarray = bands + noise * deviation * rng.standard_normal(bands.shape, dtype=np.float32)
    return noisy


def _place(rng: np.random.Generator, site: Site, column_in_pair: int, number: int, size_px: int) -> Affine:
    """Place a chip in its own cell of the region's grid, where T and F lie side by side; return its transform.

    The random offset keeps every chip inside its cell, so neighbours never overlap.
    """
    row, pair = divmod(number, _GRID_COLUMNS // 2)
    spacing_m = _GRID_SPACING_CHIPS * size_px
    # Whole metres, so that the pixels of a region share one lattice.
    jitter = rng.integers(0, spacing_m - size_px, 2)
    west = site.easting_m + (2 * pair + column_in_pair) * spacing_m + int(jitter[0])
    north = site.northing_m - row * spacing_m - int(jitter[1])
    return Affine(1.0, 0.0, west, 0.0, -1.0, north)


def _write(path: Path, bands: np.ndarray, crs: CRS, transform: Affine, **options: object) -> None:
    count, height, width = bands.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=count,
        height=height,
        width=width,
        dtype=bands.dtype,
        crs=crs,
        transform=transform,
        **options,
    ) as raster:
        raster.write(bands)


def _check(counts: Mapping[str, Mapping[str, int]], size_px: int, seed: int) -> None:
    for region, by_class in counts.items():
        if region not in SITES:
            raise ValueError(f"unknown region {region!r}; choose from {', '.join(SITES)}")
        for label, count in by_class.items():
            if label not in _CLASSES:
                raise ValueError(f"unknown class {label!r} in {region}; choose T or F")
            if count < 0:
                raise ValueError(f"{region} {label}: the count is {count}; use 0 or more")
    if size_px < MINIMUM_SIZE_PX:
        raise ValueError(f"size_px is {size_px}; use {MINIMUM_SIZE_PX} or more, because roads and channels need room")
    if seed < 0:
        raise ValueError(f"seed is {seed}; use 0 or more")
