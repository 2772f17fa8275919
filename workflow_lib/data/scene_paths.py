"""Where the scenes and points of a run lie: named in the configuration, or generated below results/<run>."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from workflow_lib.core.external_files import named_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflow_lib.config import Config
    from workflow_lib.data.data_config import LandscapeConfig, Scenes


def landscape(config: Config) -> LandscapeConfig | None:
    """How land is generated; None if scenes and points are named, or there are none."""
    return config.data.clip.landscape if config.data.clip else None


def scene_files(config: Config, area: str, layer: Scenes) -> list[str]:
    """The files of a layer's scenes, by name; missing ones are listed, so that the stages report them.

    Args:
        config: the whole configuration.
        area: a region, or an area of the map.
        layer: one of its layers.
    """
    land = landscape(config)
    if land:
        source = "DEM" if "dem" in layer.bands else "Aer"
        return [f"results/{config.run}/generate_landscape/{area}/{source}_{tile}.tif" for tile in range(land.tiles**2)]
    return sorted({file for pattern in layer.scenes for file in named_files(pattern)})


def scene_patterns(config: Config, layers: Sequence[Scenes]) -> list[str]:
    """The names of layers' scenes as the configuration has them: files may be too many for a command line."""
    return [] if landscape(config) else [pattern for layer in layers for pattern in layer.scenes]


def points_file(config: Config, region: str) -> str:
    """The labelled points of a region."""
    if landscape(config):
        return f"results/{config.run}/generate_landscape/{region}/points.csv"
    assert config.data.clip
    return config.data.clip.points[region]


def generated(config: Config, files: Sequence[str]) -> list[str]:
    """Those of a job's scenes and points that the workflow itself makes: the inputs of its rule."""
    return list(files) if landscape(config) else []


def sampled_regions(config: Config) -> list[str]:
    """The regions whose chips are cut from scenes."""
    return list(config.data.regions) if config.data.clip else []


def region_scenes(config: Config, region: str) -> list[list[str]]:
    """The files of all scenes of a region, one list for each of its folders."""
    return [scene_files(config, region, part) for part in config.data.regions[region]]


def area_scenes(config: Config, area: str) -> dict[str, list[str]]:
    """Bands of each layer of an area of the map, separated by commas -> its files."""
    assert config.map
    layers: Sequence[Scenes] = config.map.areas[area].layers
    if landscape(config):
        layers = next(iter(config.data.regions.values()))
    scenes: defaultdict[str, list[str]] = defaultdict(list)
    for layer in layers:
        scenes[",".join(layer.bands)] += scene_files(config, area, layer)
    return dict(scenes)


def truth_files(config: Config) -> dict[str, str]:
    """Area of the map -> its true places, where they are known."""
    areas = config.map.areas if config.map else {}
    if landscape(config):
        return {area: f"results/{config.run}/generate_landscape/{area}/points.csv" for area in areas}
    return {name: area.truth for name, area in areas.items() if area.truth}
