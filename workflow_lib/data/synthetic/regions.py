"""The four regions of the CROSS data set: locations of their synthetic chips, and appearance of their land."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Range = tuple[float, float]
Reflectance = tuple[float, float, float, float]  # red, green, blue, near infrared; 0 to 1


@dataclass(frozen=True)
class Region:
    """Appearance of one region's land; a value is drawn uniformly from every range, once per chip.

    Attributes:
        elevation_m: height above sea level (m).
        relief_m: standard deviation of the terrain within a chip (m).
        roughness: exponent of the terrain's amplitude spectrum; lower is rougher.
        soil: reflectance of bare soil.
        crop: reflectance of full vegetation other than trees.
        greenness: vegetated share of the fields, 0 to 1.
        field_m: side of a field (m).
        tree_cover: density of trees, in standard deviations of the canopy noise.
        paved_share: share of roads that are asphalt; the others are gravel or soil.
        grid_road_share: share of roads that follow the land survey's grid.
    """

    elevation_m: Range
    relief_m: Range
    roughness: Range
    soil: Reflectance
    crop: Reflectance
    greenness: Range
    field_m: Range
    tree_cover: Range
    paved_share: float
    grid_road_share: float


@dataclass(frozen=True)
class Site:
    """Location of a region's chips, and appearance of its land.

    Attributes:
        epsg: EPSG code of the UTM zone on WGS 84.
        easting_m: western edge of the grid of chips (m).
        northing_m: northern edge of that grid (m).
        region: appearance of the land.
    """

    epsg: int
    easting_m: float
    northing_m: float
    region: Region


# Corners lie in the counties of the watersheds; appearances are invented, to differ as the four landscapes do.
SITES: Mapping[str, Site] = {
    "Nebraska": Site(
        epsg=32614,
        easting_m=600_000,
        northing_m=4_540_000,
        region=Region(
            elevation_m=(440, 560),
            relief_m=(0.15, 0.6),
            roughness=(1.9, 2.3),
            soil=(0.40, 0.33, 0.25, 0.46),
            crop=(0.17, 0.27, 0.13, 0.62),
            greenness=(0.0, 1.0),
            field_m=(60, 160),
            tree_cover=(-3.6, -2.0),
            paved_share=0.3,
            grid_road_share=0.9,
        ),
    ),
    "Illinois": Site(
        epsg=32616,
        easting_m=400_000,
        northing_m=4_450_000,
        region=Region(
            elevation_m=(190, 240),
            relief_m=(0.1, 0.4),
            roughness=(2.0, 2.4),
            soil=(0.29, 0.25, 0.20, 0.34),
            crop=(0.14, 0.25, 0.11, 0.64),
            greenness=(0.1, 1.0),
            field_m=(70, 180),
            tree_cover=(-3.4, -1.8),
            paved_share=0.5,
            grid_road_share=0.9,
        ),
    ),
    "North_Dakota": Site(
        epsg=32614,
        easting_m=610_000,
        northing_m=5_190_000,
        region=Region(
            elevation_m=(280, 420),
            relief_m=(0.1, 0.4),
            roughness=(1.9, 2.3),
            soil=(0.33, 0.30, 0.25, 0.39),
            crop=(0.20, 0.29, 0.15, 0.55),
            greenness=(0.0, 0.9),
            field_m=(80, 200),
            tree_cover=(-3.8, -2.2),
            paved_share=0.2,
            grid_road_share=0.95,
        ),
    ),
    "California": Site(
        epsg=32610,
        easting_m=550_000,
        northing_m=4_410_000,
        region=Region(
            elevation_m=(20, 300),
            relief_m=(0.2, 0.8),
            roughness=(1.7, 2.1),
            soil=(0.50, 0.43, 0.32, 0.55),
            crop=(0.25, 0.30, 0.17, 0.56),
            greenness=(0.0, 0.8),
            field_m=(50, 140),
            tree_cover=(-3.5, -1.9),
            paved_share=0.4,
            grid_road_share=0.7,
        ),
    ),
}
