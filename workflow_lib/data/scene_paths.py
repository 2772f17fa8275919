"""Paths of the scenes and points of a run: named in the configuration, or generated below results/<run>."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from workflow_lib.core.external_files import expand_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflow_lib.config import Config
    from workflow_lib.data.data_config import LandscapeConfig, Scenes


def landscape(config: Config) -> LandscapeConfig | None:
    """Return the settings of generated landscapes; None if scenes and points are read, or not used."""
    return config.data.clip.landscape if config.data.clip else None


def scene_files(config: Config, area: str, layer: Scenes) -> list[str]:
    """List the scene files of a layer, sorted by name; missing files are listed, so that the stages report them.

    Args:
        config: the whole configuration.
        area: name of a region, or of an area of the map.
        layer: one of its layers.
    """
    settings = landscape(config)
    if settings:
        source = "DEM" if "dem" in layer.bands else "Aer"
        return [
            f"results/{config.run}/generate_landscape/{area}/{source}_{tile}.tif" for tile in range(settings.tiles**2)
        ]
    return sorted({file for pattern in layer.scenes for file in expand_pattern(pattern)})


def scene_patterns(config: Config, layers: Sequence[Scenes]) -> list[str]:
    """List the scene patterns of layers as configured: the files may be too many for a command line."""
    return [] if landscape(config) else [pattern for layer in layers for pattern in layer.scenes]


def points_file(config: Config, region: str) -> str:
    """Return the path of a region's labelled points."""
    if landscape(config):
        return f"results/{config.run}/generate_landscape/{region}/points.csv"
    assert config.data.clip
    return config.data.clip.points[region]


def generated(config: Config, files: Sequence[str]) -> list[str]:
    """Return a job's scenes and points if the workflow generates them, for they are then inputs of the rule."""
    return list(files) if landscape(config) else []


def sampled_regions(config: Config) -> list[str]:
    """List the regions whose chips are cut from scenes."""
    return list(config.data.regions) if config.data.clip else []


def region_scenes(config: Config, region: str) -> list[list[str]]:
    """List the scene files of a region, one list for each of its raster folders."""
    return [scene_files(config, region, part) for part in config.data.regions[region]]


def area_scenes(config: Config, area: str) -> dict[str, list[str]]:
    """Map the bands of each layer of a map area, separated by commas, to its scene files."""
    assert config.map
    layers: Sequence[Scenes] = config.map.areas[area].layers
    if landscape(config):
        layers = next(iter(config.data.regions.values()))
    scenes: defaultdict[str, list[str]] = defaultdict(list)
    for layer in layers:
        scenes[",".join(layer.bands)] += scene_files(config, area, layer)
    return dict(scenes)


def truth_files(config: Config) -> dict[str, str]:
    """Map each area of the map whose true locations are known to the file that lists them."""
    areas = config.map.areas if config.map else {}
    if landscape(config):
        return {area: f"results/{config.run}/generate_landscape/{area}/points.csv" for area in areas}
    return {name: area.truth for name, area in areas.items() if area.truth}
