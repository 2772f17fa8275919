"""Draw synthetic landscapes: elevation of fractal terrain with roads and channels, and aerial imagery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workflow_lib.data.synthetic.noise import correlated_noise
from workflow_lib.data.synthetic.regions import Reflectance, Region
from workflow_lib.data.synthetic.scene_writer import ChipCourses, FloatArray

ByteArray = NDArray[np.uint8]

POOL_LENGTH_M = 12.0
TREE: Reflectance = (0.10, 0.16, 0.09, 0.50)
WATER: Reflectance = (0.13, 0.16, 0.16, 0.06)
ASPHALT: Reflectance = (0.36, 0.36, 0.37, 0.35)
GRAVEL: Reflectance = (0.56, 0.53, 0.47, 0.60)


@dataclass(frozen=True)
class Dimensions:
    """Sizes of roads and channels, in metres; drawn from the same distribution for both classes."""

    road_half_width: float
    road_height: float
    road_shoulder: float
    ditch_depth: float
    channel_half_width: float
    channel_depth: float
    valley_half_width: float
    valley_depth: float
    pool_widening: float
    is_bridged: bool


class Noise(NamedTuple):
    """Random (size_px, size_px) fields with mean 0 and standard deviation 1; that of the terrain may be larger."""

    terrain: FloatArray
    tilth: FloatArray
    crowns: FloatArray
    woods: FloatArray
    vigour: FloatArray
    patches: FloatArray


@dataclass(frozen=True)
class Plan:
    """Plan of a landscape, from which elevation and imagery are drawn.

    Attributes:
        region: appearance of the land.
        has_road, has_channel: whether there are roads and channels.
        dimensions: sizes of roads and channels.
        noise: textures.
        road_m, channel_m: (n, n) distances to the nearest road and channel (m); reduced where a channel is wider.
        downstream_m: (n, n) positions along a channel (m).
        road_position_m: (n, n) positions along a road, and to its left (m).
    """

    region: Region
    has_road: bool
    has_channel: bool
    dimensions: Dimensions
    noise: Noise
    road_m: FloatArray
    channel_m: FloatArray
    downstream_m: FloatArray
    road_position_m: tuple[FloatArray, FloatArray]


def draw_chip(
    rng: np.random.Generator, region: Region, courses: ChipCourses, size_px: int
) -> tuple[FloatArray, ByteArray]:
    """Draw one chip of 1 m pixels, north up.

    Args:
        rng: source of randomness.
        region: appearance of the land.
        courses: courses of the road and the channel, and which of them exist.
        size_px: side of the chip (pixels).

    Returns:
        (size_px, size_px) elevation in metres, and (4, size_px, size_px) red, green, blue and near infrared.
    """
    return draw_land(rng, _draw_plan(rng, region, courses, size_px))


def draw_land(rng: np.random.Generator, plan: Plan) -> tuple[FloatArray, ByteArray]:
    """Draw the elevation and imagery of a landscape; see `draw_chip` for their shapes."""
    dem = _draw_terrain(rng, plan)
    reflectance = _draw_fields(rng, plan)
    _cover_fields(rng, plan, reflectance)
    return dem, _photograph(rng, dem, reflectance)


def draw_dimensions(rng: np.random.Generator) -> Dimensions:
    """Draw the sizes of roads and channels."""
    return Dimensions(
        road_half_width=rng.uniform(3.0, 4.8),
        road_height=rng.uniform(0.6, 1.8),
        road_shoulder=rng.uniform(1.5, 3.0),
        ditch_depth=rng.uniform(0.0, 0.5),
        channel_half_width=rng.uniform(2.5, 4.8),
        channel_depth=rng.uniform(1.2, 2.8),
        valley_half_width=rng.uniform(10, 25),
        valley_depth=rng.uniform(0.0, 1.0),
        pool_widening=rng.uniform(1.0, 2.5),
        is_bridged=rng.random() < 0.1,
    )


def draw_noise(rng: np.random.Generator, region: Region, size_px: int) -> Noise:
    """Draw the textures of a landscape.

    Args:
        rng: source of randomness.
        region: appearance of the land.
        size_px: side of the landscape in pixels of 1 m.
    """
    scales_m = (3.0 * size_px, 3.0, 6.0, 40.0, 25.0, 12.0)
    exponents = (rng.uniform(*region.roughness), 1.5, 2.8, 2.2, 1.7, 1.7)
    return Noise(*correlated_noise(rng, size_px, scales_m, exponents))


def _draw_plan(rng: np.random.Generator, region: Region, courses: ChipCourses, size_px: int) -> Plan:
    centre = np.float32((size_px - 1) / 2)
    x_m = np.arange(size_px, dtype=np.float32)[None, :] - centre
    y_m = centre - np.arange(size_px, dtype=np.float32)[:, None]
    dimensions = draw_dimensions(rng)
    channel_m = courses.channel.distance_m(x_m, y_m)
    downstream_m = courses.channel.along_across_m(x_m, y_m)[0]
    if rng.random() < 0.5 or courses.is_crossing:
        # Culverts scour a pool below and pond water above. Half of the other channels have a pool as well, or
        # the amount of water would reveal the class.
        channel_m /= 1 + dimensions.pool_widening * np.exp(-((downstream_m / POOL_LENGTH_M) ** 2))
    noise = draw_noise(rng, region, size_px)
    return Plan(
        region=region,
        has_road=courses.has_road,
        has_channel=courses.has_channel,
        dimensions=dimensions,
        noise=noise,
        road_m=courses.road.distance_m(x_m, y_m),
        channel_m=channel_m,
        downstream_m=downstream_m,
        road_position_m=courses.road.along_across_m(x_m, y_m),
    )


def _draw_terrain(rng: np.random.Generator, plan: Plan) -> FloatArray:
    """Draw the elevation (m): fractal land that descends along the channel, with the channel and the road added."""
    dimensions = plan.dimensions
    land = rng.uniform(*plan.region.elevation_m) + rng.uniform(*plan.region.relief_m) * plan.noise.terrain
    land -= rng.uniform(0, 0.02) * plan.downstream_m
    dem = land + rng.uniform(0.02, 0.08) * plan.noise.tilth
    # Dry valleys exist without a channel, so that a broad hollow alone says nothing about the class.
    if rng.random() < 0.5 or plan.has_channel:
        dem -= dimensions.valley_depth * np.exp(-((plan.channel_m / dimensions.valley_half_width) ** 2))
    bed = 1 / (1 + (plan.channel_m / dimensions.channel_half_width) ** 4)
    if plan.has_channel:
        dem -= dimensions.channel_depth * bed
    if plan.has_road:
        ditch_m = plan.road_m - dimensions.road_half_width - 2 * dimensions.road_shoulder
        dem -= dimensions.ditch_depth * np.exp(-((ditch_m / 1.5) ** 2))
        bank = _fade(plan.road_m, dimensions.road_half_width, dimensions.road_shoulder)
        if dimensions.is_bridged and plan.has_channel:
            # Bridges are removed from bare-earth models, so there the channel cuts through the embankment.
            bank *= 1 - bed
        dem += bank * (land + dimensions.road_height - dem)
    dem += 0.03 * rng.standard_normal(dem.shape, dtype=np.float32)  # ranging noise of the lidar
    return dem


def _draw_fields(rng: np.random.Generator, plan: Plan) -> FloatArray:
    """Draw the (4, n, n) reflectance of a patchwork of fields whose edges follow the road."""
    along, across = plan.road_position_m
    sides_m = rng.uniform(*plan.region.field_m, 2)
    column = np.floor(along / sides_m[0] + rng.random()).astype(np.intp)
    row = np.floor(across / sides_m[1]).astype(np.intp)
    # Indices wrap around after eight fields, far more than a chip of 100 m holds.
    cell = (column % 8, row % 8)
    greenness = rng.uniform(*plan.region.greenness, (8, 8)).astype(np.float32)
    shade = rng.uniform(0.85, 1.15, (8, 8)).astype(np.float32)
    tillage = np.sin(across * (2 * np.pi / rng.uniform(2.5, 6.0)))
    vegetation = greenness[cell] + 0.12 * plan.noise.vigour + rng.uniform(0, 0.06) * tillage
    reflectance = np.repeat(_pixel(plan.region.soil), vegetation.size, axis=1).reshape(4, *vegetation.shape)
    _blend(reflectance, _pixel(plan.region.crop), np.clip(vegetation, 0, 1))
    reflectance *= shade[cell]
    return reflectance


def _cover_fields(rng: np.random.Generator, plan: Plan, reflectance: FloatArray) -> None:
    """Lay bank vegetation, water, road and trees over the fields, in place."""
    dimensions = plan.dimensions
    grass = _pixel(plan.region.crop)
    # In many chips without a channel, hedges and grass strips follow its course.
    lush = rng.uniform(0, 1) if rng.random() < 0.6 or plan.has_channel else 0.0
    strip = lush * np.exp(-((plan.channel_m / rng.uniform(6, 12)) ** 2))
    _blend(reflectance, grass, 0.7 * strip)
    wetness = _soft_step(plan.noise.patches + rng.uniform(-1.0, 1.5))
    if plan.has_channel:
        stream = _fade(plan.channel_m, 0.6 * dimensions.channel_half_width, 0.7)
        _blend(reflectance, _pixel(WATER), 0.9 * wetness * stream)
    surface = _draw_surface(rng, plan.region)
    if plan.has_road:
        wear = np.clip(0.9 + 0.1 * plan.noise.patches, 0.5, 1)
        _blend(reflectance, grass, 0.4 * _fade(plan.road_m, dimensions.road_half_width + 2, 1.5))
        _blend(reflectance, surface, wear * _fade(plan.road_m, dimensions.road_half_width, 0.5))
    _plant_trees(rng, plan, strip, reflectance)


def _plant_trees(rng: np.random.Generator, plan: Plan, strip: FloatArray, reflectance: FloatArray) -> None:
    """Draw woods, and trees along the strip, with their shadows to the south-east, in place."""
    density = rng.uniform(*plan.region.tree_cover) + 0.9 * plan.noise.woods + 2 * rng.random() * strip
    canopy = _soft_step(3 * (plan.noise.crowns + density))
    if plan.has_road:
        # Crowns overhang the edge of a road, but trees do not grow on it.
        canopy *= 1 - 0.85 * _fade(plan.road_m, plan.dimensions.road_half_width - 1, 1.0)
    shadow = np.zeros_like(canopy)
    shadow[3:, 2:] = canopy[:-3, :-2]
    reflectance *= 1 - 0.45 * shadow * (1 - canopy)
    _blend(reflectance, _pixel(TREE) * (1 + 0.2 * plan.noise.crowns), canopy)


def _draw_surface(rng: np.random.Generator, region: Region) -> FloatArray:
    """Draw the (4, 1, 1) reflectance of a road: asphalt, gravel, or soil a little brighter than the fields."""
    kind = rng.random()
    dirt = _pixel(region.soil) * np.float32(rng.uniform(1.05, 1.3))
    if kind < region.paved_share:
        return _pixel(ASPHALT)
    return _pixel(GRAVEL) if kind < (1 + region.paved_share) / 2 else dirt


def _photograph(rng: np.random.Generator, dem: FloatArray, reflectance: FloatArray) -> ByteArray:
    """Convert reflectance to digital numbers: light from the north-west, one exposure and haze, and sensor noise."""
    towards_south, towards_east = np.gradient(dem)
    shading = np.clip(1 + 0.25 * (towards_south + towards_east), 0.6, 1.4)
    exposure = 255 * rng.uniform(1.1, 1.5)
    haze = np.array([0.02, 0.025, 0.04, 0.0], dtype=np.float32)[:, None, None] * rng.uniform(0, 1)
    grain = 0.012 * rng.standard_normal(reflectance.shape, dtype=np.float32)
    light = exposure * (reflectance * shading + haze + grain)
    numbers: ByteArray = np.clip(light, 1, 255).astype(np.uint8)
    return numbers


def _pixel(reflectance: Reflectance) -> FloatArray:
    """Return the four bands as a (4, 1, 1) array, which broadcasts over an image."""
    return np.array(reflectance, dtype=np.float32)[:, None, None]


def _blend(image: FloatArray, colour: FloatArray, weight: FloatArray) -> None:
    """Blend a colour into an image, in place."""
    image += weight * (colour - image)


def _soft_step(value: FloatArray) -> FloatArray:
    """Apply a soft threshold at zero, which rises from 0 to 1 over two units."""
    weight: FloatArray = np.clip(0.5 + value / 2, 0, 1)
    return weight


def _fade(distance_m: FloatArray, half_width_m: float, edge_m: float) -> FloatArray:
    """Return 1 within the half-width, 0 from twice the edge beyond it, and linear values between."""
    weight: FloatArray = np.clip(1 - (distance_m - half_width_m) / (2 * edge_m), 0, 1)
    return weight
