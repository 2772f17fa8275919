"""Jobs that predict or measure latencies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from workflow_lib.core.arguments import flags
from workflow_lib.core.candidate import TRAINED, Precision
from workflow_lib.core.seeds import derive_seed
from workflow_lib.devices import kind_of
from workflow_lib.devices.measured import network_file
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
        settings = self._config.devices[wildcards.device]
        patterns = kind_of(settings).inputs(settings, wildcards.get("precision", TRAINED))
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
            for channels, architecture in self._pairs
        ]

    def sample_files(self, wildcards: Wildcards) -> dict[str, list[str]]:
        """List kernels and file of every network in one precision, from which a predictor's sample is chosen."""
        settings, precision = self._config.devices[wildcards.device], wildcards.precision
        known = [pair for pair in self._pairs if precision in self._config.grid.precisions_of(pair[1])]
        return self._measurable(settings, known, precision)

    def answers(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the folder that a remote device measured and its table, if it measures a predictor's sample."""
        name = wildcards.device
        if not self._config.devices[name].remote:  # type: ignore[attr-defined]
            return {}
        folder = self._run.folder
        return {
            "exported": f"{folder}/export_kernels/{name}/{wildcards.precision}",
            "answers": f"{folder}/measure_remote/{name}.parquet",
        }

    def sent_files(self, wildcards: Wildcards) -> list[str]:
        """List what a remote device measures: files of all networks in all precisions, or folders of samples."""
        name, grid = wildcards.device, self._config.grid
        settings = self._config.devices[name]
        match settings.kind:  # type: ignore[attr-defined]
            case "built":
                return [f"{self._run.folder}/export_kernels/{name}/{each}" for each in (TRAINED, *grid.converted)]
            case "transferred":
                return [self._file(settings, *pair, TRAINED) for pair in self._sample(settings)]
        return [self._file(settings, *pair, each) for pair in self._pairs for each in grid.precisions_of(pair[1])]

    def transfer_files(self, wildcards: Wildcards) -> dict[str, Any]:
        """Return the inputs of a transferred predictor: the sample, or all networks if measurements are given."""
        name, folder = wildcards.device, self._run.folder
        settings = self._config.devices[name]
        pairs = self._pairs if settings.measurements else self._sample(settings)  # type: ignore[attr-defined]
        files = self._measurable(settings, pairs, TRAINED) | {
            "base": [
                f"{folder}/predict_latency/{channels}/{network}/{TRAINED}/{settings.base}.parquet"  # type: ignore[attr-defined]
                for channels, network in pairs
            ],
        }
        if settings.measurements:  # type: ignore[attr-defined]
            files["networks"] = []
        return files | ({"answers": f"{folder}/measure_remote/{name}.parquet"} if settings.remote else {})  # type: ignore[attr-defined]

    def _sample(self, settings: Any) -> list[tuple[str, str]]:
        """Choose the networks to measure, at random, but so that most stay chosen when a search adds networks."""
        order = sorted(self._pairs, key=lambda pair: derive_seed(self._config.seed, "sample", *pair))
        return order[: settings.sample_networks]

    def remote_options(self, wildcards: Wildcards) -> Any:
        """Return the flags of the stage that measures on a remote device."""
        settings = self._config.devices[wildcards.device].remote_device  # type: ignore[attr-defined]
        return self._run.options("measure_remote", *flags(settings))

    def command_files(self, wildcards: Wildcards) -> list[str]:
        """List the files that the command of a remote device names; an edit of them measures again."""
        command = self._config.devices[wildcards.device].remote_device.command  # type: ignore[attr-defined]
        return [part for part in command if Path(part).is_file()]

    def measurements(self, wildcards: Wildcards) -> list[str]:
        """Return the file of given measurements for one device and precision, if any."""
        file = self._config.devices[wildcards.device].measurements_of(wildcards.get("precision", TRAINED))  # type: ignore[attr-defined]
        return [file] if file else []

    def _measurable(self, settings: Any, pairs: list[tuple[str, str]], precision: Precision) -> dict[str, Any]:
        """Return the kernels of networks, and their files for the runtime of a device."""
        return {
            "kernels": [
                f"{self._run.folder}/detect_kernels/{channels}/{network}/plain.parquet" for channels, network in pairs
            ],
            "networks": [self._file(settings, *pair, precision) for pair in pairs],
        }

    @property
    def _pairs(self) -> list[tuple[str, str]]:
        return self._config.pairs(self._candidates.networks)

    def _file(self, settings: Any, channels: str, network: str, precision: Precision) -> str:
        pattern = network_file(settings.runtime, precision)
        return f"{self._run.folder}/{pattern.format(channels=channels, architecture=network)}"

    def setting_as_file(self, name: str) -> Callable[[Wildcards], list[str]]:
        """Return the external file that a setting of a device names, if any.

        Args:
            name: name of the setting.
        """

        def files(wildcards: Wildcards) -> list[str]:
            file = getattr(self._config.devices[wildcards.device], name)
            return [file] if file else []

        return files
