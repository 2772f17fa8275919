"""Jobs that predict or measure latencies."""

from collections.abc import Callable
from typing import Any

from workflow_lib.core.arguments import flags
from workflow_lib.devices import kind_of
from workflow_lib.workflow.job_functions import per_job
from workflow_lib.workflow.run_candidates import Candidates
from workflow_lib.workflow.workflow_run import Run, Wildcards


class DeviceJobs:
    """Inputs and flags of the jobs of one network on one device, and of the jobs of one device.

    Args:
        run: the run.
        candidates: candidates of the run.
    """

    def __init__(self, run: Run, candidates: Candidates) -> None:
        self._run, self._config, self._candidates = run, run.config, candidates

    @per_job
    def inputs(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the input files that the device's kind reads for one network, by name."""
        patterns = kind_of(self._config.devices[wildcards.device]).inputs
        return {name: f"{self._run.folder}/{pattern.format(**wildcards)}" for name, pattern in patterns.items()}

    @per_job
    def input_flags(self, wildcards: Wildcards, input: Any) -> list[str]:
        """Return the flag that passes `inputs` to the stage."""
        return ["--input", *(f"{name}={file}" for name, file in self.inputs(wildcards).items())]

    def latency_options(self, stage: str) -> Callable[[Wildcards], Any]:
        """Return the flags of a stage that writes one latency.

        Args:
            stage: name of the stage.
        """
        options = {
            device: self._run.options(stage, f"--settings={settings.model_dump_json()}")
            for device, settings in self._config.devices.items()
        }
        return per_job(lambda wildcards: options[wildcards.device])

    def options(self, stage: str, *names: str, seed: bool = False) -> Callable[[Wildcards], Any]:
        """Return the flags of a stage that runs once per device: one flag per setting of the device.

        Args:
            stage: name of the stage.
            names: settings to pass; none: all settings.
            seed: whether the stage also takes the base seed.
        """
        return lambda wildcards: self._run.options(
            stage,
            *flags(self._config.devices[wildcards.device], *names),
            *(flags(self._config, "seed") if seed else []),
        )

    def every_network(self, pattern: str) -> list[str]:
        """List one file per channel set and network.

        Args:
            pattern: path below results/<run> with {channels} and {architecture}; other wildcards are kept.
        """
        return [
            f"{self._run.folder}/" + pattern.replace("{channels}", channels).replace("{architecture}", architecture)
            for channels, architecture in self._config.pairs(self._candidates.networks)
        ]

    def setting_as_file(self, name: str) -> Callable[[Wildcards], list[str]]:
        """Return the external file that a setting of a device names, if any.

        Args:
            name: name of the setting.
        """

        def files(wildcards: Wildcards) -> list[str]:
            file = getattr(self._config.devices[wildcards.device], name)
            return [file] if file else []

        return files
