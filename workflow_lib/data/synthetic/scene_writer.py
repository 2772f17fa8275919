"""What a synthetic chip holds, before any pixel is drawn: the courses of its road and its channel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

# A negative chip lacks the road, the channel or both, or holds both without a crossing. The last kind is
# what keeps statistics of single pixels from telling the classes apart, so it gets a large share.
NEGATIVE_KINDS = {"road": 0.13, "channel": 0.13, "neither": 0.04, "apart": 0.70}

# Half a road with its embankment, and half a channel.
MINIMUM_GAP_M = 16.0


@dataclass(frozen=True)
class Course:
    """A winding line through one point of a chip; x runs east and y north from the chip's centre.

    Attributes:
        x_m: Easting of a point on the line, metres.
        y_m: Northing of that point, metres.
        heading_rad: Mean direction of the line, counter-clockwise from east.
        amplitude_m: Half the width of the belt in which the line winds, metres.
        wavelength_m: Length of one bend, metres.
        phase_rad: Place within the bend at the point.
    """

    x_m: float
    y_m: float
    heading_rad: float
    amplitude_m: float
    wavelength_m: float
    phase_rad: float

    def along_across_m(self, x_m: FloatArray, y_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Positions along the mean direction and to its left, in metres from the course's point."""
        # Single precision throughout: a double would widen every array of the chip that it touches.
        cosine, sine = np.float32(np.cos(self.heading_rad)), np.float32(np.sin(self.heading_rad))
        east, north = x_m - np.float32(self.x_m), y_m - np.float32(self.y_m)
        return east * cosine + north * sine, north * cosine - east * sine

    def offset_m(self, x_m: FloatArray, y_m: FloatArray) -> FloatArray:
        """Distance across the mean direction to the line, in metres, positive to its left."""
        return self._offset_slope(x_m, y_m)[0]

    def points_m(self, along_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Eastings and northings of the line at positions along its mean direction."""
        across_m = self.amplitude_m * (
            np.sin(along_m * (2 * np.pi / self.wavelength_m) + self.phase_rad) - np.sin(self.phase_rad)
        )
        cosine, sine = np.cos(self.heading_rad), np.sin(self.heading_rad)
        return self.x_m + along_m * cosine - across_m * sine, self.y_m + along_m * sine + across_m * cosine

    def distance_m(self, x_m: FloatArray, y_m: FloatArray) -> FloatArray:
        """Distance to the line, in metres and to first order: exact on the line, close to it beside it."""
        offset, slope = self._offset_slope(x_m, y_m)
        distance: FloatArray = np.abs(offset) / np.sqrt(1 + slope * slope)
        return distance

    def _offset_slope(self, x_m: FloatArray, y_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        along, across = self.along_across_m(x_m, y_m)
        amplitude, phase = np.float32(self.amplitude_m), np.float32(self.phase_rad)
        wavenumber = np.float32(2 * np.pi / self.wavelength_m)
        angle = along * wavenumber + phase
        offset = across - amplitude * (np.sin(angle) - np.sin(phase))
        return offset, amplitude * wavenumber * np.cos(angle)


@dataclass(frozen=True)
class Scene:
    """The lines of one chip.

    Both courses always exist, so that field edges and hedges follow them in every chip; the flags say which of them
    are built.

    Attributes:
        road: Course of the road.
        channel: Course of the drainage channel.
        has_road: Whether there is a road along its course.
        has_channel: Whether there is a channel along its course.
        is_crossing: Whether the road crosses the channel, which it does at the point of both courses.
    """

    road: Course
    channel: Course
    has_road: bool
    has_channel: bool
    is_crossing: bool


def draw_scene(rng: np.random.Generator, is_crossing: bool, grid_road_share: float, extent_m: float) -> Scene:
    """Draw the lines of one chip.

    Args:
        rng: Source of randomness.
        is_crossing: Whether the road crosses the channel near the chip's centre.
        grid_road_share: Fraction of roads that follow the land survey's north-south, east-west grid.
        extent_m: Side of the chip in metres.

    Returns:
        The scene; without a crossing, one of `NEGATIVE_KINDS`.
    """
    crossing = _draw_crossing(rng, grid_road_share, extent_m)
    # Drawn for positives too, so that both classes use the random stream alike.
    kind = str(rng.choice(list(NEGATIVE_KINDS), p=list(NEGATIVE_KINDS.values())))
    apart = _pull_apart(rng, crossing, extent_m)
    if is_crossing:
        return crossing
    if kind == "apart":
        return apart
    return replace(crossing, has_road=kind == "road", has_channel=kind == "channel", is_crossing=False)


def _draw_crossing(rng: np.random.Generator, grid_road_share: float, extent_m: float) -> Scene:
    """A road and a channel through one point near the centre, at 60 to 120 degrees."""
    x_m, y_m = rng.uniform(-0.08, 0.08, 2) * extent_m
    heading = rng.uniform(0, np.pi)
    if rng.random() < grid_road_share:
        heading = rng.integers(2) * np.pi / 2 + rng.normal(0, np.radians(2))
    road = Course(
        x_m=x_m,
        y_m=y_m,
        heading_rad=heading,
        amplitude_m=rng.uniform(0, 0.02) * extent_m,
        wavelength_m=rng.uniform(1.5, 3) * extent_m,
        phase_rad=rng.uniform(0, 2 * np.pi),
    )
    channel = Course(
        x_m=x_m,
        y_m=y_m,
        heading_rad=heading + rng.uniform(np.pi / 3, 2 * np.pi / 3),
        amplitude_m=rng.uniform(0.01, 0.07) * extent_m,
        wavelength_m=rng.uniform(0.5, 1.0) * extent_m,
        phase_rad=rng.uniform(0, 2 * np.pi),
    )
    return Scene(road=road, channel=channel, has_road=True, has_channel=True, is_crossing=True)


def _pull_apart(rng: np.random.Generator, scene: Scene, extent_m: float) -> Scene:
    """The same road and channel side by side: the channel follows the road at a distance."""
    # A channel strays from its point by up to two amplitudes to one side, and a road by as much as its own.
    stray_m = 2 * (scene.channel.amplitude_m + scene.road.amplitude_m)
    gap_m = stray_m + max(rng.uniform(0.22, 0.36) * extent_m, MINIMUM_GAP_M)
    side = rng.choice([-1.0, 1.0])
    heading = scene.road.heading_rad
    normal = side * np.array([-np.sin(heading), np.cos(heading)])
    # The centre lies midway, so both are seen well.
    share = rng.uniform(0.35, 0.65)
    road_x, road_y = np.array([scene.road.x_m, scene.road.y_m]) - normal * gap_m * share
    channel_x, channel_y = np.array([road_x, road_y]) + normal * gap_m
    road = replace(scene.road, x_m=float(road_x), y_m=float(road_y))
    channel = replace(
        scene.channel,
        x_m=float(channel_x),
        y_m=float(channel_y),
        heading_rad=heading + rng.uniform(-1, 1) * np.radians(4),
    )
    return Scene(road=road, channel=channel, has_road=True, has_channel=True, is_crossing=False)
