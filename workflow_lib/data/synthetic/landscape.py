"""Draw synthetic land: fractal terrain with roads and channels, and the view from above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workflow_lib.data.synthetic.noise import correlated_noise
from workflow_lib.data.synthetic.regions import Reflectance, Region
from workflow_lib.data.synthetic.scene_writer import FloatArray, Scene

ByteArray = NDArray[np.uint8]

POOL_LENGTH_M = 12.0
TREE: Reflectance = (0.10, 0.16, 0.09, 0.50)
WATER: Reflectance = (0.13, 0.16, 0.16, 0.06)
ASPHALT: Reflectance = (0.36, 0.36, 0.37, 0.35)
GRAVEL: Reflectance = (0.56, 0.53, 0.47, 0.60)


@dataclass(frozen=True)
class Build:
    """Sizes of roads and channels, in metres; drawn alike for both classes."""

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
    """Random fields of mean 0 and standard deviation 1, each (size_px, size_px); the terrain's may be larger."""

    terrain: FloatArray
    tilth: FloatArray
    crowns: FloatArray
    woods: FloatArray
    vigour: FloatArray
    patches: FloatArray


@dataclass(frozen=True)
class Plan:
    """All that the layers of a piece of land share.

    Attributes:
        region: look of the land.
        has_road, has_channel: whether there are any.
        build: their sizes.
        noise: textures.
        road_m, channel_m: distances to the nearest, in metres; channels are nearer where they are wider.
        downstream_m: position along a channel, in metres.
        beside_road_m: positions along a road and to its left, in metres.
    """

    region: Region
    has_road: bool
    has_channel: bool
    build: Build
    noise: Noise
    road_m: FloatArray
    channel_m: FloatArray
    downstream_m: FloatArray
    beside_road_m: tuple[FloatArray, FloatArray]


def draw_chip(rng: np.random.Generator, region: Region, scene: Scene, size_px: int) -> tuple[FloatArray, ByteArray]:
    """Draw one chip of 1 m pixels, north up.

    Args:
        rng: Source of randomness.
        region: Look of the land.
        scene: Courses of the road and the channel, and which of them exist.
        size_px: Side of the chip in pixels.

    Returns:
        (size_px, size_px) elevation in metres, and (4, size_px, size_px) red, green, blue and near infrared.
    """
    return draw_land(rng, _draw_plan(rng, region, scene, size_px))


def draw_land(rng: np.random.Generator, plan: Plan) -> tuple[FloatArray, ByteArray]:
    """Draw elevation and imagery of a piece of land; returns them as `draw_chip` does."""
    dem = _draw_terrain(rng, plan)
    reflectance = _draw_fields(rng, plan)
    _cover_fields(rng, plan, reflectance)
    return dem, _photograph(rng, dem, reflectance)


def draw_build(rng: np.random.Generator) -> Build:
    """Draw the sizes of roads and channels."""
    return Build(
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
    """Draw the textures of a square of 1 m pixels."""
    scales_m = (3.0 * size_px, 3.0, 6.0, 40.0, 25.0, 12.0)
    exponents = (rng.uniform(*region.roughness), 1.5, 2.8, 2.2, 1.7, 1.7)
    return Noise(*correlated_noise(rng, size_px, scales_m, exponents))


def _draw_plan(rng: np.random.Generator, region: Region, scene: Scene, size_px: int) -> Plan:
    centre = np.float32((size_px - 1) / 2)
    x_m = np.arange(size_px, dtype=np.float32)[None, :] - centre
    y_m = centre - np.arange(size_px, dtype=np.float32)[:, None]
    build = draw_build(rng)
    channel_m = scene.channel.distance_m(x_m, y_m)
    downstream_m = scene.channel.along_across_m(x_m, y_m)[0]
    if rng.random() < 0.5 or scene.is_crossing:
        # Culverts scour a pool below and pond water above. Half of the other channels have a pool as well, or
        # the amount of water would betray the class.
        channel_m /= 1 + build.pool_widening * np.exp(-((downstream_m / POOL_LENGTH_M) ** 2))
    noise = draw_noise(rng, region, size_px)
    return Plan(
        region=region,
        has_road=scene.has_road,
        has_channel=scene.has_channel,
        build=build,
        noise=noise,
        road_m=scene.road.distance_m(x_m, y_m),
        channel_m=channel_m,
        downstream_m=downstream_m,
        beside_road_m=scene.road.along_across_m(x_m, y_m),
    )


def _draw_terrain(rng: np.random.Generator, plan: Plan) -> FloatArray:
    """Elevation in metres: fractal land that falls along the channel, the channel cut and the road laid."""
    build = plan.build
    land = rng.uniform(*plan.region.elevation_m) + rng.uniform(*plan.region.relief_m) * plan.noise.terrain
    land -= rng.uniform(0, 0.02) * plan.downstream_m
    dem = land + rng.uniform(0.02, 0.08) * plan.noise.tilth
    # Dry valleys exist without a channel, so a broad hollow alone says nothing about the class.
    if rng.random() < 0.5 or plan.has_channel:
        dem -= build.valley_depth * np.exp(-((plan.channel_m / build.valley_half_width) ** 2))
    bed = 1 / (1 + (plan.channel_m / build.channel_half_width) ** 4)
    if plan.has_channel:
        dem -= build.channel_depth * bed
    if plan.has_road:
        ditch_m = plan.road_m - build.road_half_width - 2 * build.road_shoulder
        dem -= build.ditch_depth * np.exp(-((ditch_m / 1.5) ** 2))
        bank = _fade(plan.road_m, build.road_half_width, build.road_shoulder)
        if build.is_bridged and plan.has_channel:
            # Bridges are removed from bare-earth models: there the channel runs through the embankment.
            bank *= 1 - bed
        dem += bank * (land + build.road_height - dem)
    dem += 0.03 * rng.standard_normal(dem.shape, dtype=np.float32)  # ranging noise of the lidar
    return dem


def _draw_fields(rng: np.random.Generator, plan: Plan) -> FloatArray:
    """Reflectance, (4, n, n), of a patchwork of fields whose edges follow the course of the road."""
    along, across = plan.beside_road_m
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
    build = plan.build
    grass = _pixel(plan.region.crop)
    # Hedges and grass strips follow the channel's course in many chips without one.
    lush = rng.uniform(0, 1) if rng.random() < 0.6 or plan.has_channel else 0.0
    strip = lush * np.exp(-((plan.channel_m / rng.uniform(6, 12)) ** 2))
    _blend(reflectance, grass, 0.7 * strip)
    wetness = _ramp(plan.noise.patches + rng.uniform(-1.0, 1.5))
    if plan.has_channel:
        stream = _fade(plan.channel_m, 0.6 * build.channel_half_width, 0.7)
        _blend(reflectance, _pixel(WATER), 0.9 * wetness * stream)
    surface = _draw_surface(rng, plan.region)
    if plan.has_road:
        wear = np.clip(0.9 + 0.1 * plan.noise.patches, 0.5, 1)
        _blend(reflectance, grass, 0.4 * _fade(plan.road_m, build.road_half_width + 2, 1.5))
        _blend(reflectance, surface, wear * _fade(plan.road_m, build.road_half_width, 0.5))
    _plant_trees(rng, plan, strip, reflectance)


def _plant_trees(rng: np.random.Generator, plan: Plan, strip: FloatArray, reflectance: FloatArray) -> None:
    """Draw woods, and crowns along the strip, with the shadows they cast to the south-east, in place."""
    density = rng.uniform(*plan.region.tree_cover) + 0.9 * plan.noise.woods + 2 * rng.random() * strip
    canopy = _ramp(3 * (plan.noise.crowns + density))
    if plan.has_road:
        # Crowns hang over a road's edge, but nobody lets them grow on it.
        canopy *= 1 - 0.85 * _fade(plan.road_m, plan.build.road_half_width - 1, 1.0)
    shadow = np.zeros_like(canopy)
    shadow[3:, 2:] = canopy[:-3, :-2]
    reflectance *= 1 - 0.45 * shadow * (1 - canopy)
    _blend(reflectance, _pixel(TREE) * (1 + 0.2 * plan.noise.crowns), canopy)


def _draw_surface(rng: np.random.Generator, region: Region) -> FloatArray:
    """Reflectance, (4, 1, 1), of a road: asphalt, gravel, or soil a little brighter than the fields."""
    kind = rng.random()
    dirt = _pixel(region.soil) * np.float32(rng.uniform(1.05, 1.3))
    if kind < region.paved_share:
        return _pixel(ASPHALT)
    return _pixel(GRAVEL) if kind < (1 + region.paved_share) / 2 else dirt


def _photograph(rng: np.random.Generator, dem: FloatArray, reflectance: FloatArray) -> ByteArray:
    """Digital numbers: light from the north-west, one exposure and haze per chip, and sensor noise."""
    towards_south, towards_east = np.gradient(dem)
    shading = np.clip(1 + 0.25 * (towards_south + towards_east), 0.6, 1.4)
    exposure = 255 * rng.uniform(1.1, 1.5)
    haze = np.array([0.02, 0.025, 0.04, 0.0], dtype=np.float32)[:, None, None] * rng.uniform(0, 1)
    grain = 0.012 * rng.standard_normal(reflectance.shape, dtype=np.float32)
    light = exposure * (reflectance * shading + haze + grain)
    numbers: ByteArray = np.clip(light, 1, 255).astype(np.uint8)
    return numbers


def _pixel(reflectance: Reflectance) -> FloatArray:
    """The four bands as (4, 1, 1), ready to broadcast over an image."""
    return np.array(reflectance, dtype=np.float32)[:, None, None]


def _blend(image: FloatArray, colour: FloatArray, weight: FloatArray) -> None:
    """Lay a colour over an image, in place."""
    image += weight * (colour - image)


def _ramp(value: FloatArray) -> FloatArray:
    """A soft threshold at zero, from 0 to 1 over two units."""
    weight: FloatArray = np.clip(0.5 + value / 2, 0, 1)
    return weight


def _fade(distance_m: FloatArray, half_width_m: float, edge_m: float) -> FloatArray:
    """1 within the half-width, 0 beyond it by twice the edge, linear between."""
    weight: FloatArray = np.clip(1 - (distance_m - half_width_m) / (2 * edge_m), 0, 1)
    return weight
