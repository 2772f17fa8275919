"""Memory and time that jobs request on a cluster, derived from the size of their work and doubled per attempt."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workflow_lib.config import Config
from workflow_lib.core.candidate import Candidate
from workflow_lib.spaces.networks import parse
from workflow_lib.training.training_config import TRAINING_PASSES
from workflow_lib.workflow.job_functions import per_job

_CORE_MULTIPLY_ADDS_PER_S = 10e9
_GPU_MULTIPLY_ADDS_PER_S = 500e9
# Host memory of a process with a CUDA context and torch's libraries; activations and weights are on the GPU.
_CUDA_HOST_MB = 5000.0

JOB_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**35), "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}  # fmt: skip
"""Environment variables of every job.

Each job uses one thread, so that results are the same on every machine and jobs do not compete for cores. The MALLOC
variables keep freed memory in the process: a training allocates the same memory at every step, and the kernel would
clear it each time (a fifth to a third of the training time). Huge pages, where available, save a fiftieth of the time.
"""

_FLOAT_BYTES = 4
_MEGABYTE = 1e6

Resource = int | Callable[[Any, int], int]
"""A value, or a function of wildcards and attempt that returns it."""


@dataclass(frozen=True)
class Needs:
    """Memory (MB) and wall time (minutes) of one job."""

    memory_mb: float
    minutes: float

    def as_resources(self) -> dict[str, Resource]:
        """Return Snakemake's resources `mem_mb` and `runtime`, which double with each attempt."""
        return _resources(lambda _: self)


_LIGHT = Needs(1000, 20)
_STAGES = {
    "import_package": Needs(2000, 30),
    "export_network": Needs(2000, 10),
    "detect_kernels": Needs(1500, 10),
    "predict_latency": Needs(1000, 5),
    "measure_latency": Needs(2000, 10),
    "measure_utilization": Needs(3000, 30),
    "export_kernels": Needs(2000, 60),
    "build_predictor": Needs(4000, 120),
    "gather_table": Needs(2000, 30),
    "build_front": Needs(2000, 60),
    "assess_predictions": Needs(3000, 120),
    "assess_choices": Needs(2000, 30),
    "score_efficiency": Needs(2000, 120),
    "plot_figure": Needs(4000, 20),
}


def trusted_rate(config: Config) -> float:
    """Return a conservative rate of training: multiply-adds per second of an old CPU core or an old GPU.

    It is deliberately low, because a time limit that is too long costs less than a killed job.
    """
    return _GPU_MULTIPLY_ADDS_PER_S if config.training.device == "cuda" else _CORE_MULTIPLY_ADDS_PER_S


def training_work(multiply_adds: int, chips: float, epochs: int, share: float = 1.0) -> float:
    """Count the multiply-adds of training a network and scoring it.

    Training chips go through a forward and a backward pass in each epoch, the other chips through one forward pass.

    Args:
        multiply_adds: multiply-adds of the forward pass of one chip.
        chips: number of chips.
        epochs: number of epochs.
        share: share of the chips that are used for training.

    >>> training_work(1_000_000, chips=100, epochs=2, share=0.5)
    350000000.0
    """
    return multiply_adds * chips * (TRAINING_PASSES * epochs * share + (1 - share))


def stage_resources(stage: str) -> dict[str, Resource]:
    """Return the resources of a stage whose jobs are all similar."""
    return _STAGES.get(stage, _LIGHT).as_resources()


def reading_resources(chips: Callable[[], int]) -> dict[str, Resource]:
    """Return the resources of a job that reads all chips once.

    Args:
        chips: returns the number of chips.
    """
    return _resources(lambda _: Needs(2000, 15 + chips() / 1000))


def training(
    config: Config,
    chips: Callable[[], int],
    candidate: Callable[[Any], Candidate] | None = None,
    trainings: int = 1,
    held: int = 1,
) -> dict[str, Resource]:
    """Return the resources of a job that trains networks.

    Args:
        config: configuration of the run.
        chips: returns the number of chips.
        candidate: wildcards -> candidate; None: the most expensive candidate is assumed.
        trainings: number of networks that the job trains.
        held: number of networks in memory at the same time.
    """

    def needs(wildcards: Any) -> Needs:
        one = _train(config, chips(), candidate(wildcards) if candidate else _costliest(config))
        return Needs(_memory_mb(config, one.floats * held), 10 + one.minutes * trainings)

    return _resources(needs) | ({"gpu": 1} if config.training.device == "cuda" else {})


@dataclass(frozen=True)
class _Training:
    """The number of floats that a training keeps in memory, and its run time in minutes."""

    floats: int
    minutes: float


def _memory_mb(config: Config, floats: int) -> float:
    return _CUDA_HOST_MB if config.training.device == "cuda" else 1000 + floats * _FLOAT_BYTES / _MEGABYTE


def _train(config: Config, chips: int, candidate: Candidate) -> _Training:
    bands, classes = len(config.grid.channel_sets[candidate.channels]), len(config.data.classes)
    counted = parse(candidate.architecture).costs(bands, classes, config.data.chip_size_px)
    # Activations with their gradients; weights with their gradients and Adam's two moments.
    floats = 2 * candidate.batch * counted.activations + 4 * counted.parameters
    # Assume that all chips are training chips, as they are for deployed models.
    seconds = training_work(counted.multiply_adds, chips, config.training_of(candidate.recipe).epochs) / trusted_rate(
        config
    )
    return _Training(floats, seconds / 60)


def _costliest(config: Config) -> Candidate:
    channels = max(config.grid.channel_sets, key=lambda name: len(config.grid.channel_sets[name]))
    batch = max(config.grid.batch_sizes)
    recipe = max(config.grid.recipe_names, key=lambda name: config.training_of(name).epochs)
    networks = [*config.architectures, *config.grid.baselines]
    candidates = [Candidate(channels, batch, network, recipe) for network in networks]
    return max(candidates, key=lambda candidate: _train(config, 1_000_000, candidate).minutes)


def _resources(needs: Callable[[Any], Needs]) -> dict[str, Resource]:
    @per_job
    def memory_mb(wildcards: Mapping[str, str], attempt: int) -> int:
        return _grow(needs(wildcards).memory_mb, attempt)

    @per_job
    def minutes(wildcards: Mapping[str, str], attempt: int) -> int:
        return _grow(needs(wildcards).minutes, attempt)

    return {"mem_mb": memory_mb, "runtime": minutes}


def _grow(value: float, attempt: int) -> int:
    return math.ceil(value) << (attempt - 1)
