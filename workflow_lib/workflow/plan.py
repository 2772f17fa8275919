"""The plan of a run: how many jobs will run, why, and their estimated cost."""

import ast
import logging
import shlex
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflow_lib.config import Config
from workflow_lib.core.candidate import CONVERTED, KEYS, Candidate
from workflow_lib.spaces.network_counts import Costs
from workflow_lib.spaces.networks import parse
from workflow_lib.training.training_config import TRAINING_PASSES
from workflow_lib.workflow.job_records import job_records, seconds_by_rule
from workflow_lib.workflow.resources import training_work, trusted_rate

PLAN = "EDGEFRONT_PLAN"
"""Environment variable; if it is set, a dry run prints the plan."""

_FLOAT_BYTES = 4
# Time of a job whose rule never ran here, trainings excepted; most such jobs take one or two seconds.
_ASSUMED_S = 5.0
_ASSUMED_CHIPS = 10_000


@dataclass
class Stage:
    """The planned jobs of one stage.

    Attributes:
        jobs, done: number of jobs that will run, and number of jobs that are up to date.
        why: reason -> number of jobs that will run for it.
        seconds: expected run time of all jobs together on one core.
        basis: what the expected run time is based on.
        disk_bytes: expected size of their large files.
    """

    jobs: int = 0
    done: int = 0
    why: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    basis: str = ""
    disk_bytes: float = 0.0


class Estimator:
    """Estimates the cost of a job from earlier jobs in the same folder.

    Args:
        config: configuration of the run.
        chips: number of chips.
        folder: folder that contains results.
        seconds: rule -> run times of earlier jobs in this folder.
    """

    def __init__(self, config: Config, chips: int, folder: Path, seconds: Mapping[str, Sequence[float]]) -> None:
        self._config = config
        self._chips = chips
        self._seconds = seconds
        self._rates = recorded_rates(folder, config.training.device == "cuda")

    def expect(self, rule: str, wildcards: Mapping[str, str]) -> tuple[float, str]:
        """Estimate the run time of a job.

        Args:
            rule: name of the rule.
            wildcards: wildcards of the job.

        Returns:
            Expected seconds, and a phrase that says what they are based on.
        """
        if rule in ("train_fold", "train_part") and parse(wildcards["architecture"]).space.is_trained:
            candidate = Candidate.of(wildcards["channels"], wildcards["batch"], wildcards["architecture"])
            epochs = max(self._config.training_of(candidate.recipe).epochs // int(wildcards.get("part", 1)), 1)
            share = self._config.folds.training_share
            one = training_work(self._costs(wildcards).multiply_adds, self._chips, epochs, share)
            work = one * self._config.folds_per_job
            if self._rates:
                rate = statistics.median(self._rates)
                return work / rate, f"{len(self._rates)} earlier trainings, {rate / 1e9:.1f} G multiply-adds/s"
            rate = trusted_rate(self._config)
            return work / rate, f"assumed {rate / 1e9:.0f} G multiply-adds/s"
        if before := self._seconds.get(rule):
            return statistics.median(before), f"{len(before)} earlier jobs"
        return _ASSUMED_S, f"assumed {_ASSUMED_S:.0f} s per job"

    def disk_bytes(self, rule: str, wildcards: Mapping[str, str]) -> float:
        """Estimate the size of a job's large files (chip array, networks, weights) in bytes."""
        if rule == "import_chips":
            bands = len(self._config.data.bands)
            return float(self._chips * self._config.data.chip_size_px**2 * bands * _FLOAT_BYTES)
        if rule == "export_network":
            return 2.0 * self._costs(wildcards).parameters * _FLOAT_BYTES
        if rule == "train_part":  # weights and both moments of the optimizer, for the job that continues
            return 3.0 * self._costs(wildcards).parameters * _FLOAT_BYTES * self._config.folds_per_job
        if rule == "train_fold" and self._config.keep_weights:
            return float(self._costs(wildcards).parameters * _FLOAT_BYTES * self._config.folds_per_job)
        return 0.0

    def _costs(self, wildcards: Mapping[str, str]) -> Costs:
        data = self._config.data
        channels = len(self._config.grid.channel_sets[wildcards["channels"]])
        return parse(wildcards["architecture"]).costs(channels, len(data.classes), data.chip_size_px)


def recorded_rates(folder: Path, on_gpu: bool) -> list[float]:
    """Compute the rate of every finished training in a folder.

    Args:
        folder: folder that contains results.
        on_gpu: whether to use trainings on a GPU or those on a CPU.

    Returns:
        Multiply-adds per second of each training.
    """
    import pandas as pd

    rates: list[float] = []
    for scores in folder.glob("results/*/gather_table/fold_scores.parquet"):
        networks = scores.with_name("networks.parquet")
        if networks.exists():
            trainings = pd.read_parquet(scores)
            trainings = trainings[~trainings["precision"].isin(CONVERTED)].drop(columns="precision")
            table = trainings.merge(pd.read_parquet(networks), on=["channels", "architecture"])
            table = table.drop_duplicates([*KEYS[:-1], "fold"])
            table = table[(table["compute_device"] != "cpu") == on_gpu]
            passes = TRAINING_PASSES * table["loss"].str.len() * table["training_chips"]
            rates += (table["multiply_adds"] * passes / table["training_s"]).tolist()
    return rates


def reason(why: Any) -> str:
    """Summarise Snakemake's reason for running a job; for changed options, name them.

    Args:
        why: Snakemake's `Reason`.
    """
    if why.missing_output or why.incomplete_output:
        return "not made yet"
    if why.params_changed:
        return "changed: " + ", ".join(changed_options(why.params_changed.only_old, why.params_changed.only_new))
    if why.updated_input:
        return "newer input"
    if why.input_changed:
        return "set of inputs changed"
    if why.updated_input_run:
        return "input will be updated"
    return "requested"


def changed_options(before: Iterable[str], now: Iterable[str]) -> list[str]:
    """List the flags that differ between two sets of recorded parameters.

    Args:
        before: recorded parameters of the earlier job.
        now: parameters of the planned job.

    >>> changed_options(["'--epochs=3 --seed=1'"], ["'--epochs=5 --seed=1'"])
    ['epochs']
    """
    old, new = ({token for value in values for token in shlex.split(str(_unquoted(value)))} for values in (before, now))
    names = {token.split("=")[0].removeprefix("--") for token in old ^ new}
    return sorted(names)


def _unquoted(value: str) -> Any:
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value


def plan(dag: Any, estimator: Estimator) -> dict[str, Stage]:
    """Summarise Snakemake's job graph.

    Args:
        dag: Snakemake's graph.
        estimator: estimates the cost of each job.

    Returns:
        Stage -> its planned jobs.
    """
    stages: dict[str, Stage] = defaultdict(Stage)
    for job in dag.jobs:
        if job.is_norun:
            continue
        stage = stages[job.rule.name]
        if not dag.needrun(job):
            stage.done += 1
            continue
        wildcards = job.wildcards_dict
        seconds, stage.basis = estimator.expect(job.rule.name, wildcards)
        stage.jobs += 1
        stage.seconds += seconds
        stage.disk_bytes += estimator.disk_bytes(job.rule.name, wildcards)
        stage.why[reason(dag.reason(job))] += 1
    return dict(stages)


def render(stages: Mapping[str, Stage], order: Sequence[str], on_gpu: bool) -> str:
    """Format the plan as text: one line per stage, and the totals.

    Args:
        stages: stage -> its planned jobs.
        order: names of all stages, in the order of the lines.
        on_gpu: whether trainings run on a GPU.
    """
    lines = [f"{'stage':20}{'jobs':>7}{'done':>7}{'hours':>9}{'GB':>8}  why; basis of the estimate"]
    for name in sorted(stages, key=order.index):
        stage = stages[name]
        why = "; ".join(f"{count} {text}" for text, count in stage.why.most_common())
        numbers = f"{stage.jobs:7}{stage.done:7}{stage.seconds / 3600:9.2f}{stage.disk_bytes / 1e9:8.2f}"
        lines.append(f"{name:20}{numbers}  {why or 'done'}{'; ' + stage.basis if stage.basis else ''}")
    everything = stages.values()
    trainings = [stages[name].seconds for name in ("train_fold", "train_part") if name in stages]
    gpu_s = sum(trainings) if on_gpu else 0.0
    core_s = sum(stage.seconds for stage in everything) - gpu_s
    jobs, done = sum(stage.jobs for stage in everything), sum(stage.done for stage in everything)
    disk = sum(stage.disk_bytes for stage in everything) / 1e9
    lines.append(f"{'total':20}{jobs:7}{done:7}{(core_s + gpu_s) / 3600:9.2f}{disk:8.2f}")
    lines.append(
        f"expected: {core_s / 3600:.1f} core-hours, {gpu_s / 3600:.1f} GPU-hours, {disk:.1f} GB of large files"
    )
    return "\n".join(lines)


class PlanLog(logging.Handler):
    """A log handler that prints the plan once Snakemake has built its job graph.

    Args:
        workflow: Snakemake's workflow.
        config: configuration of the run.
        chips: number of chips; 0 if there are none yet.
        order: names of all stages, in the order in which they are listed.
    """

    def __init__(self, workflow: Any, config: Config, chips: int, order: Sequence[str]) -> None:
        super().__init__()
        self._workflow, self._config, self._chips, self._order = workflow, config, chips, order

    def emit(self, record: logging.LogRecord) -> None:
        """Print the plan and exit when Snakemake is about to start the run."""
        if getattr(getattr(record, "event", None), "value", None) == "run_info":
            seconds = seconds_by_rule(job_records(self._workflow.persistence))
            estimator = Estimator(self._config, self._chips or _ASSUMED_CHIPS, Path(), seconds)
            stages = plan(self._workflow.dag, estimator)
            if not self._chips:
                print(f"no chips in the folders of data.regions yet; the plan assumes {_ASSUMED_CHIPS:,} chips")
            print(render(stages, self._order, self._config.training.device == "cuda"), flush=True)
            sys.exit()
