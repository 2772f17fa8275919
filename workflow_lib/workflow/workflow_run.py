"""The run that rules ask: flags, resources and names that follow from its configuration."""

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_lib.config import Config
from workflow_lib.core.contracts import CONTRACTS
from workflow_lib.core.errors import end_with
from workflow_lib.core.external_files import external_command
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Table
from workflow_lib.core.sealed import RESULTS_VARIABLE, DamagedFileError, set_aside
from workflow_lib.core.section import NAME
from workflow_lib.search.supernet_config import VARIANTS
from workflow_lib.spaces import networks
from workflow_lib.spaces.user_file import UserFileConfig
from workflow_lib.workflow import chip_sources, resources
from workflow_lib.workflow.job_functions import per_job

if TYPE_CHECKING:
    import pandas as pd

Wildcards = Any
"""Snakemake's wildcards of a job."""

_BUILDERS = {
    "train_fold", "export_network", "measure_utilization", "score_holdout", "measure_precisions", "deploy_model"
}  # fmt: skip
"""Stages that build networks."""

MAX_RETRIES = 2
"""How often a training is retried if `grid.allow_missing` lets it fail alone."""


class Run:
    """One run: its configuration, and what every rule may ask of it.

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
        # Schedulers request memory and time, and users may limit them; in other runs they would be computed in vain,
        # once per job.
        self._resources_count = bool(settings.nodes or {"_cores", "_nodes"} != set(settings.resources))
        self.external_files: dict[str, Callable[[Wildcards], tuple[Path, list[str]]]] = {}

    @cached_property
    def wildcards(self) -> dict[str, str]:
        """Wildcard -> the regular expression that its values match."""
        number = r"\d+"
        return {
            **dict.fromkeys(("region", "area", "channels", "device", "quantity", "rules", "figure"), NAME),
            **dict.fromkeys(("tile", "batch", "fold", "number", "round", "ranking", "repeat"), number),
            "architecture": networks.pattern_in_jobs(),
            "table": r"\w+",
            "first": "fair|uniform",
            "variant": "|".join(VARIANTS),
            "skeleton": "searched|trained",
            "target": "bound|budget",
            "candidate": rf"{NAME}_b\d+_{networks.pattern_in_jobs()}|recommended",
        }

    @cached_property
    def folded_chips(self) -> dict[str, str]:
        """The imported chips and their folds: inputs of every job that trains."""
        return {
            "array": f"{self.folder}/import_chips/chips.npy",
            "moments": f"{self.folder}/import_chips/moments.npy",
            "chips": f"{self.folder}/import_chips/chips.parquet",
            "folds": f"{self.folder}/assign_folds/folds.parquet",
        }

    @cached_property
    def dataset_flags(self) -> list[str]:
        """What every stage that reads chips must know of them."""
        data = self.config.data
        return ["--bands", *data.bands, "--classes", *data.classes, f"--normalisation={data.normalisation}"]

    @cached_property
    def nodata_flags(self) -> list[str]:
        """Values that are nodata, whatever the files say."""
        return ["--nodata", *map(str, self.config.data.nodata)] if self.config.data.nodata else []

    def options(self, stage: str, *values: str) -> Any:
        """The flags of a stage that come from the configuration, and its contract: one self-describing parameter.

        One quoted string, because Snakemake goes over each string of a list once per job.

        Args:
            stage: its name.
            values: the flags.
        """
        own = [f"--networks-digest={self._networks_digest}"] if stage in _BUILDERS and self._networks_digest else []
        text = shlex.join([f"--contract={CONTRACTS[stage]}", *own, *values])
        # In strings, but not in what functions return, Snakemake takes braces for wildcards.
        return per_job(lambda wildcards: text) if "{" in text else text

    @cached_property
    def _networks_digest(self) -> str:
        """Content of the file that describes the user's own networks; empty: there is none."""
        space = self.config.grid.space
        return space.digest if isinstance(space, UserFileConfig) else ""

    def files_of(self, *results: Result) -> list[str]:
        """All files of results."""
        return [f"{self.folder}/{path}" for result in results for path in result.paths(self.config)]

    def inputs_of(self, *results: Result) -> dict[str, list[str]]:
        """Name -> files, of those results that this run has."""
        return {result.name: self.files_of(result) for result in results if result.when(self.config)}

    def table_flags(self, *results: Result) -> list[str]:
        """The flag that tells a stage the files of results."""
        pairs = [f"{result.name}={file}" for result in results for file in self.files_of(result)]
        return ["--table", *pairs] if pairs else []

    @per_job
    def select(self, wildcards: Wildcards) -> list[str]:
        """The flags that name a channel set's bands."""
        return ["--select", *self.config.grid.channel_sets[wildcards.channels]]

    @per_job
    def inputs_flag(self, wildcards: Wildcards) -> str:
        """The flag that says how many channels a channel set has."""
        return f"--inputs={len(self.config.grid.channel_sets[wildcards.channels])}"

    def optional(self, *names: str) -> Callable[..., list[str]]:
        """The flags of inputs that a job may lack."""
        return lambda wildcards, input: [
            f"--{name.replace('_', '-')}={input[name]}"
            for name in names
            if name in input.keys()  # noqa: SIM118
        ]

    def lists(self, *names: str) -> Callable[..., list[str]]:
        """The flags of lists of inputs that a job may lack."""

        def flags(wildcards: Wildcards, input: Any) -> list[str]:
            found: list[str] = []
            for name in names:
                files = input.get(name, [])
                if files:
                    found += [f"--{name}", *([files] if isinstance(files, str) else files)]
            return found

        return flags

    def fixed(self, stage: str) -> dict[str, Any]:
        """Resources of a stage whose jobs are all alike."""
        return resources.fixed(stage) if self._resources_count else {}

    def reading(self) -> dict[str, Any]:
        """Resources of a job that goes over all chips once."""
        return resources.reading(self.count_chips) if self._resources_count else {}

    def training(self, candidate: Any = None, trainings: int = 1, held: int = 1) -> dict[str, Any]:
        """Resources of a job that trains networks.

        Args:
            candidate: wildcards -> candidate; None: not known yet, so the one that costs most.
            trainings: how many networks it trains.
            held: how many of them at a time.
        """
        if not self._resources_count:
            return {}
        return resources.training(self.config, self.count_chips, candidate, trainings, held)

    def alone(self) -> dict[str, str]:
        """Resources of a job that measures time: it shares the machine with no other, under Slurm too."""
        return {"slurm_extra": "--exclusive"}

    @cached_property
    def _chip_count(self) -> int:
        return chip_sources.count_chips(self.config)

    def count_chips(self) -> int:
        """How many chips there are, for memory and time of jobs."""
        return self._chip_count

    @property
    def retries(self) -> int | None:
        """How often Snakemake retries a training."""
        return MAX_RETRIES if self.config.grid.allow_missing else None

    @property
    def failure_marker(self) -> str:
        """The end of a training's command: with `grid.allow_missing`, a note in place of results that failed.

        How often a training is tried must be known inside its job, too. Exit code 2: trying again is no use.
        """
        if not self.config.grid.allow_missing:
            return ""
        return (
            f" || {{{{ (( $? == 2 || {{resources.attempt}} > {MAX_RETRIES} ))"
            ' && echo "failed: see {log}" | tee {output:q} >&2; }}'
        )

    def external(self, rule: str, files: Callable[[Wildcards], Sequence[Any]]) -> Callable[[Wildcards], str]:
        """The start of a command that records which files from outside a job reads: if they change, it runs again.

        Args:
            rule: its name.
            files: wildcards -> these files, folders and patterns; they are no inputs, because Snakemake compares only
                times.
        """

        def recorded(wildcards: Wildcards) -> tuple[Path, list[str]]:
            record = Path(self.folder, ".external", rule, *map(str, wildcards), "files.json")
            return record, list(map(str, files(wildcards)))

        self.external_files[rule] = recorded
        return lambda wildcards: external_command(*recorded(wildcards))

    def read_table(self, table: Table, file: Path) -> "pd.DataFrame":
        """Read a table of this run while the graph is built; a damaged one is set aside, to be made again."""
        try:
            return table.read(file)
        except DamagedFileError as error:
            os.environ[RESULTS_VARIABLE] = str(Path(self.folder).absolute())
            end_with(error if "--dry-run" in sys.argv else set_aside(error))


def placed(patterns: Mapping[str, str], folder: str) -> dict[str, str]:
    """Put paths below results/<run> into that folder."""
    return {name: f"{folder}/{pattern}" for name, pattern in patterns.items()}
