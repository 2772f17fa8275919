"""Generate scenes: a square landscape with roads and channels, and labelled points at their crossings."""

from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine

from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.data_config import LandscapeConfig
from workflow_lib.data.synthetic.generate import DEM_NODATA_M
from workflow_lib.data.synthetic.landscape import POOL_LENGTH_M, Plan, draw_dimensions, draw_land, draw_noise
from workflow_lib.data.synthetic.regions import SITES, Region
from workflow_lib.data.synthetic.scene_writer import Course, FloatArray

_AREA_GAP_M = 2000
_MIN_CROSSING_DISTANCE_M = 15.0
_MIN_NEGATIVE_DISTANCE_M = 40.0
_MAX_DRAWS_PER_PLACE = 100
_CHIP_M = 100.0
Places = NDArray[np.float64]
"""(places, 2) metres east and north of the landscape's centre."""


def generate_landscape(landscape: LandscapeConfig, area: str, seed: int, scenes: list[Path], points: Path) -> None:
    """Draw the landscape of one area, and write its scenes and labelled points.

    Args:
        landscape: settings of the landscapes.
        area: name of the area, one of the keys of `terrain`.
        seed: seed of the run.
        scenes: files to write: elevation of all tiles, then imagery of all tiles; tiles are ordered by row from the
            north.
        points: file to write (CSV: x, y, class): the crossings (T), and negatives that a surveyor might label (F):
            half as many points on roads and a quarter as many on channels, away from all crossings.
    """
    rng = np.random.default_rng(derive_seed(seed, "generate_landscape", area))
    site = SITES[landscape.terrain[area]]
    size = landscape.size_px
    roads = [_draw_road(rng, number, landscape.roads, size) for number in range(landscape.roads)]
    channels = [_draw_channel(rng, number, landscape.channels, size) for number in range(landscape.channels)]
    places = _crossings(roads, channels, size)
    dem, aerial = draw_land(rng, _draw_plan(rng, site.region, roads, channels, places, size))
    west = site.easting_m + list(landscape.terrain).index(area) * (size + _AREA_GAP_M)
    crs, north = CRS.from_epsg(site.epsg), site.northing_m
    half = len(scenes) // 2
    _write_tiles(scenes[:half], dem[None], crs, west, north, nodata=DEM_NODATA_M)
    _write_tiles(scenes[half:], aerial, crs, west, north, photometric="RGB", alpha="NO")
    negatives = np.concatenate([
        _draw_negatives(rng, roads, len(places) // 2, places, size),
        _draw_negatives(rng, channels, len(places) // 4, places, size),
    ])  # fmt: skip
    east, south = np.concatenate([places, negatives]).T
    labels = ["T"] * len(places) + ["F"] * len(negatives)
    frame = pd.DataFrame({"x": east + west + size / 2, "y": south + north - size / 2, "class": labels})
    frame.to_csv(points, index=False)


def _draw_road(rng: np.random.Generator, number: int, count: int, size_px: int) -> Course:
    """Draw one road of the land survey's grid: evenly spaced, alternating north-south and east-west."""
    steps = -(-count // 2)
    offset = ((number // 2 + 0.5 + rng.uniform(-0.25, 0.25)) / steps - 0.5) * size_px
    is_north_south = number % 2 == 0
    return Course(
        x_m=offset if is_north_south else 0.0,
        y_m=0.0 if is_north_south else offset,
        heading_rad=(np.pi / 2 if is_north_south else 0.0) + rng.normal(0, np.radians(2)),
        amplitude_m=rng.uniform(0, 4),
        wavelength_m=rng.uniform(200, 600),
        phase_rad=rng.uniform(0, 2 * np.pi),
    )


def _draw_channel(rng: np.random.Generator, number: int, count: int, size_px: int) -> Course:
    """Draw a winding channel, oblique to the roads; some channels follow a road for a while before they cross it."""
    offset = ((number + 0.5 + rng.uniform(-0.3, 0.3)) / count - 0.5) * size_px
    return Course(
        x_m=offset,
        y_m=rng.uniform(-0.2, 0.2) * size_px,
        heading_rad=rng.choice([np.pi / 4, 3 * np.pi / 4]) + rng.uniform(-0.5, 0.5),
        amplitude_m=rng.uniform(5, 25),
        wavelength_m=rng.uniform(120, 300),
        phase_rad=rng.uniform(0, 2 * np.pi),
    )


def _crossings(roads: list[Course], channels: list[Course], size_px: int) -> Places:
    """Find the crossings of roads and channels inside the landscape; those within 15 m of each other count once."""
    along = np.arange(-size_px, size_px, 0.5, dtype=np.float32)
    found: list[tuple[float, float]] = []
    for channel in channels:
        east, north = channel.points_m(along)
        inside = (np.abs(east) < size_px / 2) & (np.abs(north) < size_px / 2)
        for road in roads:
            side = np.sign(road.offset_m(east, north))
            for step in np.flatnonzero((side[1:] != side[:-1]) & inside[1:]):
                place = float(east[step + 1]), float(north[step + 1])
                if all(np.hypot(place[0] - x, place[1] - y) >= _MIN_CROSSING_DISTANCE_M for x, y in found):
                    found.append(place)
    return np.array(found).reshape(-1, 2)


def _draw_negatives(
    rng: np.random.Generator, courses: list[Course], count: int, places: Places, size_px: int
) -> Places:
    """Draw places on courses, inside the landscape and away from given places; fewer if there is no room."""
    found: list[tuple[float, float]] = []
    for _ in range(_MAX_DRAWS_PER_PLACE * count):
        if len(found) == count:
            break
        course = courses[rng.integers(len(courses))]
        (x,), (y,) = course.points_m(rng.uniform(-0.7, 0.7, 1).astype(np.float32) * size_px)
        inside = max(abs(x), abs(y)) < size_px / 2
        if inside and (not len(places) or np.hypot(*(places - (x, y)).T).min() >= _MIN_NEGATIVE_DISTANCE_M):
            found.append((float(x), float(y)))
    return np.array(found).reshape(-1, 2)


def _draw_plan(
    rng: np.random.Generator, region: Region, roads: list[Course], channels: list[Course], places: Places, size_px: int
) -> Plan:
    centre = np.float32((size_px - 1) / 2)
    x_m = np.arange(size_px, dtype=np.float32)[None, :] - centre
    y_m = centre - np.arange(size_px, dtype=np.float32)[:, None]
    dimensions = draw_dimensions(rng)
    channel_m = _nearest(rng, channels, x_m, y_m)
    # Culverts scour a pool below and pond water above. As many pools lie elsewhere, or water would reveal crossings.
    pools = list(places)
    for number in rng.integers(len(channels), size=len(places)):
        pools.append(np.concatenate(channels[number].points_m(rng.uniform(-0.5, 0.5, 1).astype(np.float32) * size_px)))
    widening = np.zeros_like(channel_m)
    for x, y in pools:
        distance = ((x_m - np.float32(x)) ** 2 + (y_m - np.float32(y)) ** 2) / np.float32(POOL_LENGTH_M**2)
        np.maximum(widening, np.exp(-distance), out=widening)
    channel_m /= 1 + np.float32(dimensions.pool_widening) * widening
    noise = draw_noise(rng, region, size_px)
    return Plan(
        region=region,
        has_road=bool(roads),
        has_channel=bool(channels),
        dimensions=dimensions,
        # Relief grows with the extent, and the relief of a region is given for a chip.
        noise=noise._replace(terrain=noise.terrain * np.float32(size_px / _CHIP_M)),
        road_m=_nearest(rng, roads, x_m, y_m),
        channel_m=channel_m,
        downstream_m=channels[0].along_across_m(x_m, y_m)[0],
        road_position_m=roads[0].along_across_m(x_m, y_m),
    )


def _nearest(rng: np.random.Generator, courses: list[Course], x_m: FloatArray, y_m: FloatArray) -> FloatArray:
    """Return the (n, n) distance to the nearest course; a random factor makes wide courses nearer than narrow ones."""
    distances = (course.distance_m(x_m, y_m) / np.float32(rng.uniform(0.8, 1.25)) for course in courses)
    nearest = next(distances)
    for distance in distances:
        np.minimum(nearest, distance, out=nearest)
    return nearest


def _write_tiles(
    files: list[Path], bands: NDArray[np.generic], crs: CRS, west: float, north: float, **options: object
) -> None:
    side = round(len(files) ** 0.5)
    edges = np.linspace(0, bands.shape[1], side + 1).astype(int)
    squares = [(row, column) for row in range(side) for column in range(side)]
    for file, (row, column) in zip(files, squares, strict=True):
        top, left = int(edges[row]), int(edges[column])
        part = bands[:, top : edges[row + 1], left : edges[column + 1]]
        with rasterio.open(
            file, "w", driver="GTiff", count=len(part), height=part.shape[1], width=part.shape[2], dtype=part.dtype,
            crs=crs, transform=Affine(1.0, 0.0, west + left, 0.0, -1.0, north - top), tiled=True, compress="deflate",
            **options,
        ) as raster:  # fmt: skip
            raster.write(part)
