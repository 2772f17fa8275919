"""Jobs that deploy the recommended model and apply it to whole scenes."""

import json

from workflow_lib.data import scene_paths
from workflow_lib.field.bundle import CHECKSUMS, DESCRIPTION, OTHER_FILES, SBOM, STAC_ITEM
from workflow_lib.field.description import STANDALONE_FILES
from workflow_lib.workflow.workflow_run import Run, Wildcards


class MapJobs:
    """Inputs and flags of the jobs of the deployed model, one per area of the map.

    Args:
        run: the run.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._config = run, run.config
        self.areas = list(self._config.map.areas) if self._config.map else []

    @property
    def bundle(self) -> list[str]:
        """Names of all files in the bundle for a device."""
        return [
            "model.onnx",
            *(f"model_{precision}.onnx" for precision in self._config.deployed_precisions[1:]),
            *STANDALONE_FILES,
            DESCRIPTION,
            *OTHER_FILES,
            SBOM,
            STAC_ITEM,
            CHECKSUMS,
        ]

    @property
    def litert_precisions(self) -> list[str]:
        """Precisions of the LiteRT files of the deployed network; empty if there are none."""
        return list(self._config.litert.precisions) if self._config.litert else []

    @property
    def deployed(self) -> list[str]:
        """The files, below results/<run>, that `rule deploy` makes."""
        files = [f"deploy_model/recommended/{file}" for file in self.bundle]
        names = [f"deploy_litert/recommended/model_{precision}.tflite" for precision in self.litert_precisions]
        return files + names

    @property
    def precision_flags(self) -> list[str]:
        """Flags with the precisions of the network files, and how they are converted to int8."""
        config = self._config
        conversion = self._run.conversion_flags(config.precisions or config.grid)
        return ["--precisions", *config.deployed_precisions, *conversion]

    @property
    def background_flag(self) -> list[str]:
        """The flag that names the background class, if there is one."""
        return [f"--background={self._config.background}"] if self._config.background else []

    @property
    def resampling_flags(self) -> list[str]:
        """The flag that maps each band to the resampling method of its scenes."""
        parts = [part for folders in self._config.data.regions.values() for part in folders]
        return ["--resampling", json.dumps({band: part.resampling for part in parts for band in part.bands})]

    def made_scenes(self, wildcards: Wildcards) -> list[str]:
        """List the scenes of an area that the workflow makes itself."""
        scenes = scene_paths.area_scenes(self._config, wildcards.area).values()
        return scene_paths.generated(self._config, [file for files in scenes for file in files])

    def scene_flags(self, wildcards: Wildcards) -> list[str]:
        """Return the flags that pass the scenes of an area with their bands, and whether to apply the model anyway."""
        assert self._config.map
        scenes = scene_paths.area_scenes(self._config, wildcards.area)
        force = ["--force"] if self._config.map.areas[wildcards.area].force else []
        return [f"--scene={bands}={file}" for bands, files in scenes.items() for file in files] + force

    def shown_scenes(self, wildcards: Wildcards) -> list[str]:
        """List the scenes of an area that its page shows: those of the last layer, as in the figures."""
        return list(scene_paths.area_scenes(self._config, wildcards.area).values())[-1]

    def scene_patterns(self, wildcards: Wildcards) -> list[str]:
        """List the external scenes of an area, as named in the configuration."""
        assert self._config.map
        return scene_paths.scene_patterns(self._config, self._config.map.areas[wildcards.area].layers)

    @property
    def made_truth(self) -> list[str]:
        """The files of true locations that the workflow makes itself."""
        return scene_paths.generated(self._config, list(scene_paths.truth_files(self._config).values()))

    def external_truth(self, _wildcards: Wildcards) -> list[str]:
        """List the external files of true locations."""
        return [] if self.made_truth else list(scene_paths.truth_files(self._config).values())

    @property
    def truth_flags(self) -> list[str]:
        """The flag that maps each area to its file of true locations, where known."""
        return ["--truth", json.dumps(scene_paths.truth_files(self._config))]
