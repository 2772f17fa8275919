"""What a job needs of a cluster, from the size of its work: memory and time, growing with each attempt."""

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
# A process with a CUDA context and torch's libraries; activations and weights lie on the GPU.
_CUDA_HOST_MB = 5000.0

JOB_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**35), "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}  # fmt: skip
"""Of every job. One thread each: the same results on every machine, and no two jobs in each other's way.

They keep what they free: a training asks for the same memory at every step, and the kernel would clear it each time (a
fifth to a third of its time). In huge pages, where the kernel gives them to who asks: a fiftieth of its time.
"""

_FLOAT_BYTES = 4
_MEGABYTE = 1e6

Resource = int | Callable[[Any, int], int]
"""A value, or one by wildcards and attempt."""


@dataclass(frozen=True)
class Needs:
    """Memory (MB) and wall time (minutes) of one job."""

    memory_mb: float
    minutes: float

    def as_resources(self) -> dict[str, Resource]:
        """Snakemake's `mem_mb` and `runtime`: doubled with each attempt."""
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
    "build_front": Needs(2000, 60),
    "score_efficiency": Needs(2000, 120),
    "plot_figure": Needs(4000, 20),
}


def trusted_rate(config: Config) -> float:
    """Multiply-adds per second that one core of an old node, or an old GPU, is trusted to do.

    A time limit that is too long costs less than a killed job.
    """
    return _GPU_MULTIPLY_ADDS_PER_S if config.training.device == "cuda" else _CORE_MULTIPLY_ADDS_PER_S


def training_work(multiply_adds: int, chips: float, epochs: int, share: float = 1.0) -> float:
    """Multiply-adds of training a network and scoring it.

    Args:
        multiply_adds: of one chip, forwards.
        chips: how many there are.
        epochs: of the training.
        share: of the chips, that it learns from: forwards and backwards in each epoch. The others go forwards, once.
    """
    return multiply_adds * chips * (TRAINING_PASSES * epochs * share + (1 - share))


def fixed(stage: str) -> dict[str, Resource]:
    """Resources of a stage whose jobs are much alike."""
    return _STAGES.get(stage, _LIGHT).as_resources()


def reading(chips: Callable[[], int]) -> dict[str, Resource]:
    """Resources of a job that goes over all chips once."""
    return _resources(lambda _: Needs(2000, 15 + chips() / 1000))


def training(
    config: Config,
    chips: Callable[[], int],
    candidate: Callable[[Any], Candidate] | None = None,
    trainings: int = 1,
    held: int = 1,
) -> dict[str, Resource]:
    """Resources of a job that trains networks.

    Args:
        config: of the run.
        chips: how many there are.
        candidate: wildcards -> the network; without it, the one that costs most.
        trainings: how many of its kind are trained.
        held: how many of them at a time.
    """

    def needs(wildcards: Any) -> Needs:
        one = _train(config, chips(), *(candidate(wildcards) if candidate else _costliest(config)))
        return Needs(_memory_mb(config, one.numbers * held), 10 + one.minutes * trainings)

    return _resources(needs) | ({"gpu": 1} if config.training.device == "cuda" else {})


@dataclass(frozen=True)
class _Training:
    """Floats that a network in training holds, and minutes that it takes."""

    numbers: int
    minutes: float


def _memory_mb(config: Config, numbers: int) -> float:
    return _CUDA_HOST_MB if config.training.device == "cuda" else 1000 + numbers * _FLOAT_BYTES / _MEGABYTE


def _train(config: Config, chips: int, channels: str, batch: int, architecture: str) -> _Training:
    bands, classes = len(config.grid.channel_sets[channels]), len(config.data.classes)
    counted = parse(architecture).costs(bands, classes, config.data.chip_size_px)
    # Activations and their gradients; weights, gradients and Adam's two moments.
    numbers = 2 * batch * counted.activations + 4 * counted.parameters
    # Of all chips: deployed models learn from them.
    seconds = training_work(counted.multiply_adds, chips, config.training.epochs) / trusted_rate(config)
    return _Training(numbers, seconds / 60)


def _costliest(config: Config) -> Candidate:
    channels = max(config.grid.channel_sets, key=lambda name: len(config.grid.channel_sets[name]))
    batch = max(config.grid.batch_sizes)
    networks = [*config.architectures, config.grid.baseline]
    costliest = max(networks, key=lambda name: _train(config, 1_000_000, channels, batch, name).minutes)
    return Candidate(channels, batch, costliest)


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
