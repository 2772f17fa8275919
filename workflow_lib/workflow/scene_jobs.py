"""Jobs that cut chips from scenes."""

import json
from collections.abc import Sequence
from functools import cache

from workflow_lib.data import scene_paths
from workflow_lib.workflow.workflow_run import Run, Wildcards


class SceneJobs:
    """Inputs and flags of the jobs of one region or one tile.

    Args:
        run: the run.
    """

    def __init__(self, run: Run) -> None:
        self._config = run.config
        self._folder = run.folder
        # Cached, because patterns may match thousands of files and every job of a region needs them.
        self._scenes = cache(lambda region: scene_paths.region_scenes(run.config, region))

    @property
    def generated_tiles(self) -> Sequence[int]:
        """Numbers of the tiles of a generated landscape."""
        land = scene_paths.landscape(self._config)
        return range(land.tiles**2) if land else [0]

    def points(self, wildcards: Wildcards) -> str:
        """Return the file of a region's labelled points."""
        return scene_paths.points_file(self._config, wildcards.region)

    def made_scenes(self, wildcards: Wildcards) -> list[str]:
        """List the scenes of a region that the workflow makes itself."""
        return scene_paths.generated(self._config, [file for part in self._scenes(wildcards.region) for file in part])

    def made_samples(self, wildcards: Wildcards) -> list[str]:
        """List the scenes and points of a region that the workflow makes itself."""
        return [*self.made_scenes(wildcards), *scene_paths.generated(self._config, [self.points(wildcards)])]

    def patterns(self, wildcards: Wildcards) -> list[str]:
        """List the external scenes and points of a region, as named in the configuration."""
        if scene_paths.landscape(self._config):
            return []
        layers = self._config.data.regions[wildcards.region]
        return [*scene_paths.scene_patterns(self._config, layers), self.points(wildcards)]

    def folders(self, wildcards: Wildcards) -> str:
        """Return a region's raster folders with their scene files, as JSON."""
        region = wildcards.region
        parts = zip(self._config.data.regions[region], self._scenes(region), strict=True)
        return json.dumps([part.model_dump() | {"scenes": files} for part, files in parts])

    def tile_folders(self, _wildcards: Wildcards) -> list[str]:
        """List the chip folders of all tiles, one per scene of each region's first folder."""
        return [
            f"{self._folder}/clip_chips/{region}/{tile}"
            for region in self._config.data.regions
            for tile in range(len(self._scenes(region)[0]))
        ]
