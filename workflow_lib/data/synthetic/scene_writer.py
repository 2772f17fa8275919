"""Content of a synthetic chip, before any pixel is drawn: the courses of its road and its channel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

# A negative chip lacks the road, the channel or both, or has both without a crossing. The last kind prevents pixel
# statistics from separating the classes, so it gets a large share.
NEGATIVE_KINDS = {"road": 0.13, "channel": 0.13, "neither": 0.04, "apart": 0.70}

# Half the width of a road with its embankment, plus half the width of a channel.
MINIMUM_GAP_M = 16.0


@dataclass(frozen=True)
class Course:
    """A winding line through one point of a chip; x runs east and y north from the chip's centre.

    Attributes:
        x_m: easting of a point on the line (m).
        y_m: northing of that point (m).
        heading_rad: mean direction of the line, counter-clockwise from east (rad).
        amplitude_m: half the width of the belt in which the line winds (m).
        wavelength_m: length of one bend (m).
        phase_rad: phase of the bend at the point (rad).
    """

    x_m: float
    y_m: float
    heading_rad: float
    amplitude_m: float
    wavelength_m: float
    phase_rad: float

    def along_across_m(self, x_m: FloatArray, y_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return positions along the mean direction and to its left, in metres from the course's point.

        Args:
            x_m: (...,) eastings from the chip's centre (m).
            y_m: (...,) northings; the two shapes must broadcast.
        """
        # Single precision throughout: a double scalar would widen every array that it meets.
        cosine, sine = np.float32(np.cos(self.heading_rad)), np.float32(np.sin(self.heading_rad))
        east, north = x_m - np.float32(self.x_m), y_m - np.float32(self.y_m)
        return east * cosine + north * sine, north * cosine - east * sine

    def offset_m(self, x_m: FloatArray, y_m: FloatArray) -> FloatArray:
        """Return the distance to the line across its mean direction, in metres, positive to its left.

        Args:
            x_m: (...,) eastings from the chip's centre (m).
            y_m: (...,) northings; the two shapes must broadcast.
        """
        return self._offset_slope(x_m, y_m)[0]

    def points_m(self, along_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return eastings and northings of the line (m).

        Args:
            along_m: (n,) positions along the mean direction (m).
        """
        across_m = self.amplitude_m * (
            np.sin(along_m * (2 * np.pi / self.wavelength_m) + self.phase_rad) - np.sin(self.phase_rad)
        )
        cosine, sine = np.cos(self.heading_rad), np.sin(self.heading_rad)
        return self.x_m + along_m * cosine - across_m * sine, self.y_m + along_m * sine + across_m * cosine

    def distance_m(self, x_m: FloatArray, y_m: FloatArray) -> FloatArray:
        """Return the distance to the line in metres, to first order: exact on the line, accurate near it.

        Args:
            x_m: (...,) eastings from the chip's centre (m).
            y_m: (...,) northings; the two shapes must broadcast.
        """
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
class ChipCourses:
    """Courses of one chip's road and channel.

    Both courses always exist, so that field edges and hedges follow them in every chip; the flags say which of them
    hold a road or channel.

    Attributes:
        road: course of the road.
        channel: course of the drainage channel.
        has_road: whether there is a road along its course.
        has_channel: whether there is a channel along its course.
        is_crossing: whether the road crosses the channel, at the common point of both courses.
    """

    road: Course
    channel: Course
    has_road: bool
    has_channel: bool
    is_crossing: bool


def draw_courses(rng: np.random.Generator, is_crossing: bool, grid_road_share: float, extent_m: float) -> ChipCourses:
    """Draw the courses of one chip's road and channel.

    Args:
        rng: source of randomness.
        is_crossing: whether the road crosses the channel near the chip's centre.
        grid_road_share: share of roads that follow the land survey's north-south, east-west grid.
        extent_m: side of the chip (m).

    Returns:
        The courses; without a crossing, one of `NEGATIVE_KINDS`.
    """
    crossing = _draw_crossing(rng, grid_road_share, extent_m)
    # Drawn for positives too, so that both classes consume the random stream in the same way.
    kind = str(rng.choice(list(NEGATIVE_KINDS), p=list(NEGATIVE_KINDS.values())))
    apart = _pull_apart(rng, crossing, extent_m)
    if is_crossing:
        return crossing
    if kind == "apart":
        return apart
    return replace(crossing, has_road=kind == "road", has_channel=kind == "channel", is_crossing=False)


def _draw_crossing(rng: np.random.Generator, grid_road_share: float, extent_m: float) -> ChipCourses:
    """Draw a road and a channel that cross at a point near the centre, at 60 to 120 degrees."""
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
    return ChipCourses(road=road, channel=channel, has_road=True, has_channel=True, is_crossing=True)


def _pull_apart(rng: np.random.Generator, courses: ChipCourses, extent_m: float) -> ChipCourses:
    """Place the road and the channel side by side: the channel follows the road at a distance."""
    # A channel deviates from its point by up to two of its amplitudes to one side, and so does a road.
    stray_m = 2 * (courses.channel.amplitude_m + courses.road.amplitude_m)
    gap_m = stray_m + max(rng.uniform(0.22, 0.36) * extent_m, MINIMUM_GAP_M)
    side = rng.choice([-1.0, 1.0])
    heading = courses.road.heading_rad
    normal = side * np.array([-np.sin(heading), np.cos(heading)])
    # The centre lies between them, so that both are well visible.
    share = rng.uniform(0.35, 0.65)
    road_x, road_y = np.array([courses.road.x_m, courses.road.y_m]) - normal * gap_m * share
    channel_x, channel_y = np.array([road_x, road_y]) + normal * gap_m
    road = replace(courses.road, x_m=float(road_x), y_m=float(road_y))
    channel = replace(
        courses.channel,
        x_m=float(channel_x),
        y_m=float(channel_y),
        heading_rad=heading + rng.uniform(-1, 1) * np.radians(4),
    )
    return ChipCourses(road=road, channel=channel, has_road=True, has_channel=True, is_crossing=False)
