"""The run, from which rules get the flags, resources and names that follow from its configuration."""

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from workflow_lib.config import Config
from workflow_lib.core.arguments import flags
from workflow_lib.core.candidate import CONVERTED, Precision
from workflow_lib.core.contracts import CONTRACTS
from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.core.errors import exit_with_error
from workflow_lib.core.external_files import external_command
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Table
from workflow_lib.core.sealed import RESULTS_VARIABLE, DamagedFileError, set_aside
from workflow_lib.core.section import NAME
from workflow_lib.search.supernet_config import VARIANTS
from workflow_lib.spaces import networks
from workflow_lib.spaces.grid_config import SETTING
from workflow_lib.spaces.trained_model import TrainedModel
from workflow_lib.spaces.user_file import UserFileConfig
from workflow_lib.workflow import chip_sources, resources
from workflow_lib.workflow.job_functions import per_job

if TYPE_CHECKING:
    import pandas as pd

Wildcards = Any
"""The wildcards of a job, as Snakemake passes them."""

_BUILDERS = {
    "train_fold", "train_part", "export_network", "convert_network", "export_litert", "score_converted",
    "measure_utilization", "score_holdout", "measure_precisions", "deploy_model", "deploy_litert",
}  # fmt: skip
"""Stages that build networks."""

MAX_RETRIES = 2
"""Number of retries of a training, if `grid.allow_missing` lets single trainings fail."""


class Run:
    """One run: its configuration, and what the rules need from it.

    Args:
        workflow: Snakemake's workflow.
        config: the checked configuration.
    """

    def __init__(self, workflow: Any, config: Config) -> None:
        self.config = config
        self.name = config.run
        self.folder = f"results/{config.run}"
        settings = workflow.resource_settings
        self.all_cores: int = settings.cores or 1
        # Memory and time matter only to schedulers, and if the user limits them. Other runs skip their computation,
        # which happens once per job.
        self._needs_resources = bool(settings.nodes or {"_cores", "_nodes"} != set(settings.resources))
        self.external_files: dict[str, Callable[[Wildcards], tuple[Path, list[str]]]] = {}

    @cached_property
    def wildcards(self) -> dict[str, str]:
        """Each wildcard -> the regular expression of its values."""
        number = r"\d+"
        return {
            **dict.fromkeys(("region", "area", "channels", "device", "quantity", "rules", "figure"), NAME),
            **dict.fromkeys(("tile", "fold", "number", "round", "part", "ranking", "repeat"), number),
            "batch": SETTING,
            "precision": "|".join(get_args(Precision)),
            "architecture": networks.pattern_in_jobs(),
            "table": r"\w+",
            "first": "fair|uniform",
            "variant": "|".join(VARIANTS),
            "skeleton": "searched|trained",
            "target": "bound|budget",
            "candidate": rf"{NAME}_b{SETTING}_{networks.pattern_in_jobs()}(?:_(?:{'|'.join(CONVERTED)}))?|recommended",
        }

    @cached_property
    def dataset_files(self) -> dict[str, str]:
        """The imported chips and their folds, which are inputs of every training job."""
        return {
            "array": f"{self.folder}/import_chips/chips.npy",
            "moments": f"{self.folder}/import_chips/moments.npy",
            "chips": f"{self.folder}/import_chips/chips.parquet",
            "folds": f"{self.folder}/assign_folds/folds.parquet",
        }

    @cached_property
    def dataset_flags(self) -> list[str]:
        """Flags of every stage that reads chips."""
        data = self.config.data
        return ["--bands", *data.bands, "--classes", *data.classes, f"--normalisation={data.normalisation}"]

    @cached_property
    def network_flags(self) -> list[str]:
        """Flags of every stage that builds a network of this run, except those of its channel set."""
        return [f"--classes={len(self.config.data.classes)}", *flags(self.config.data, "chip_size_px")]

    @cached_property
    def model_params(self) -> dict[str, Callable[[Wildcards], str]]:
        """Settings and content of a trained model, which Snakemake compares between runs; empty if the run has none."""
        models = {str(TrainedModel(name)): model for name, model in self.config.grid.trained_models.items()}
        texts = {name: f"{model.digest} {model.model_dump_json()}" for name, model in models.items()}
        return {"model": per_job(lambda wildcards: texts.get(wildcards.architecture, ""))} if texts else {}

    @cached_property
    def nodata_flags(self) -> list[str]:
        """The flag with values that count as nodata, in addition to what the files declare."""
        return ["--nodata", *map(str, self.config.data.nodata)] if self.config.data.nodata else []

    @staticmethod
    def conversion_flags(section: ConversionConfig | None) -> list[str]:
        """Return the flags of a stage that converts trained networks, from a section with these settings."""
        return flags(section, *ConversionConfig.model_fields)

    def options(self, stage: str, *values: str) -> Any:
        """Return a stage's contract and configured flags as one parameter, which Snakemake compares between runs.

        It is one quoted string, because Snakemake processes each string of a list once per job.

        Args:
            stage: name of the stage.
            values: flags from the configuration.
        """
        digest = [f"--networks-digest={self._networks_digest}"] if stage in _BUILDERS and self._networks_digest else []
        text = shlex.join([f"--contract={CONTRACTS[stage]}", *digest, *values])
        # Snakemake treats braces as wildcards in strings, but not in the return values of functions.
        return per_job(lambda wildcards: text) if "{" in text else text

    @cached_property
    def _networks_digest(self) -> str:
        """Digest of the file that describes the user's own networks; empty if there is none."""
        space = self.config.grid.space
        return space.digest if isinstance(space, UserFileConfig) else ""

    def files_of(self, *results: Result) -> list[str]:
        """List all files of some results."""
        return [f"{self.folder}/{path}" for result in results for path in result.paths(self.config)]

    def inputs_of(self, *results: Result) -> dict[str, list[str]]:
        """Map the name of each result that this run has to its files."""
        return {result.name: self.files_of(result) for result in results if result.when(self.config)}

    def table_flags(self, *results: Result) -> list[str]:
        """Return the flag that passes the files of results to a stage."""
        pairs = [f"{result.name}={file}" for result in results for file in self.files_of(result)]
        return ["--table", *pairs] if pairs else []

    @per_job
    def select(self, wildcards: Wildcards) -> list[str]:
        """Return the flag that names the bands of a channel set."""
        return ["--select", *self.config.grid.channel_sets[wildcards.channels]]

    @per_job
    def inputs_flag(self, wildcards: Wildcards) -> str:
        """Return the flag with the number of channels of a channel set."""
        return f"--inputs={len(self.config.grid.channel_sets[wildcards.channels])}"

    def optional_flags(self, *names: str) -> Callable[..., list[str]]:
        """Return the flags of optional inputs, as a function of a job's wildcards and inputs."""
        return lambda wildcards, input: [
            f"--{name.replace('_', '-')}={input[name]}"
            for name in names
            if name in input.keys()  # noqa: SIM118
        ]

    def list_flags(self, *names: str) -> Callable[..., list[str]]:
        """Return the flags of optional lists of inputs, as a function of a job's wildcards and inputs."""

        def flags(wildcards: Wildcards, input: Any) -> list[str]:
            found: list[str] = []
            for name in names:
                files = input.get(name, [])
                if files:
                    found += [f"--{name.replace('_', '-')}", *([files] if isinstance(files, str) else files)]
            return found

        return flags

    def stage_resources(self, stage: str) -> dict[str, Any]:
        """Return the resources of a stage whose jobs are all similar."""
        return resources.stage_resources(stage) if self._needs_resources else {}

    def reading_resources(self) -> dict[str, Any]:
        """Return the resources of a job that reads all chips once."""
        return resources.reading_resources(self.count_chips) if self._needs_resources else {}

    def training(self, candidate: Any = None, trainings: int = 1, held: int = 1) -> dict[str, Any]:
        """Return the resources of a job that trains networks.

        Args:
            candidate: wildcards -> candidate; None: unknown, so the most expensive candidate is assumed.
            trainings: number of networks that the job trains.
            held: number of networks in memory at the same time.
        """
        if not self._needs_resources:
            return {}
        return resources.training(self.config, self.count_chips, candidate, trainings, held)

    def exclusive_resources(self) -> dict[str, str]:
        """Return the resources of a job that measures time and needs a node of its own under Slurm."""
        return {"slurm_extra": "--exclusive"}

    @cached_property
    def _chip_count(self) -> int:
        return chip_sources.count_chips(self.config)

    def count_chips(self) -> int:
        """Return the number of chips, from which the memory and time of jobs are estimated."""
        return self._chip_count

    @property
    def retries(self) -> int | None:
        """Number of times that Snakemake retries a training; None: the default."""
        return MAX_RETRIES if self.config.grid.allow_missing else None

    @property
    def failure_marker(self) -> str:
        """The end of a training's command, which with `grid.allow_missing` replaces missing results with a note.

        The job itself needs the number of retries, to recognise its last attempt. Exit code 2 is not retried.
        """
        if not self.config.grid.allow_missing:
            return ""
        return (
            f" || {{{{ (( $? == 2 || {{resources.attempt}} > {MAX_RETRIES} ))"
            ' && echo "failed: see {log}" | tee {output:q} >&2; }}'
        )

    def external(self, rule: str, files: Callable[[Wildcards], Sequence[Any]]) -> Callable[[Wildcards], str]:
        """Return the start of a command that records a job's external files; the job reruns if they change.

        Args:
            rule: name of the rule.
            files: wildcards -> external files, folders and patterns. They are not inputs of the rule, because
                Snakemake compares only modification times.
        """

        def record_and_paths(wildcards: Wildcards) -> tuple[Path, list[str]]:
            record = Path(self.folder, ".external", rule, *map(str, wildcards), "files.json")
            return record, list(map(str, files(wildcards)))

        self.external_files[rule] = record_and_paths
        return lambda wildcards: external_command(*record_and_paths(wildcards))

    def read_table(self, table: Table, file: Path) -> "pd.DataFrame":
        """Read a table of this run while the job graph is built; a damaged file is renamed, to be made again.

        Args:
            table: schema of the table.
            file: file to read.
        """
        try:
            return table.read(file)
        except DamagedFileError as error:
            os.environ[RESULTS_VARIABLE] = str(Path(self.folder).absolute())
            exit_with_error(error if "--dry-run" in sys.argv else set_aside(error))


def placed(patterns: Mapping[str, str], folder: str) -> dict[str, str]:
    """Prefix paths below results/<run> with that folder.

    Args:
        patterns: name -> path below results/<run>.
        folder: results/<run>.

    >>> placed({"front": "build_front/front.parquet"}, "results/demo")
    {'front': 'results/demo/build_front/front.parquet'}
    """
    return {name: f"{folder}/{pattern}" for name, pattern in patterns.items()}
