"""What a training runs on: device, precision, one thread, and how much memory it takes there."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch

from workflow_lib.core.errors import UserError
from workflow_lib.training.gpus import claim
from workflow_lib.training.training_config import TrainingConfig

Precision = Literal["float32", "bf16"]


@dataclass(frozen=True)
class Compute:
    """A device, and the precision that it multiplies in."""

    device: torch.device
    precision: Precision

    @classmethod
    def choose(cls, training: TrainingConfig) -> "Compute":
        """What the config asks for; of several GPUs, one that this job may use until it ends.

        Raises:
            UserError: if it asks for CUDA, or for bf16, where there is none.
        """
        available = torch.cuda.is_available()
        if training.device == "cuda" and not available:
            raise UserError("no CUDA device here", "config: training.device", "use auto or cpu")
        on_gpu = available and training.device != "cpu"
        device = _claim_gpu() if on_gpu else torch.device("cpu")
        multiplies_bf16 = torch.cuda.is_bf16_supported(including_emulation=False) if on_gpu else _cpu_multiplies_bf16()
        if training.precision == "bf16" and not multiplies_bf16:
            raise UserError(
                "this processor does not multiply bf16", "config: training.precision", "use auto or float32"
            )
        precision: Precision = "bf16" if multiplies_bf16 and training.precision != "float32" else "float32"
        return cls(device, precision)

    def autocast(self) -> Any:
        """The context of a forward pass in this precision."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bf16" else nullcontext()

    @property
    def dtype(self) -> torch.dtype:
        """What it multiplies."""
        return torch.bfloat16 if self.precision == "bf16" else torch.float32

    @property
    def name(self) -> str:
        """`cpu`, or the GPU's name."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"

    def peak_flops_per_s(self) -> float:
        """What a large matrix product reaches here, alone, in this precision: the peak that can be achieved.

        Source: Kosaian and Phanishayee, A Study on the Intersection of GPU Utilization and CNN Inference, section 3.1.
        """
        return _peak_flops_per_s(self)

    def large_product(self) -> tuple[Callable[[], torch.Tensor], int]:
        """A large matrix product to be timed, and its FLOPs."""
        size = 8192 if self.device.type == "cuda" else 768
        factors = torch.rand(2, size, size, device=self.device).to(self.dtype)
        return lambda: factors[0] @ factors[1], 2 * size**3

    def bandwidth_bytes_per_s(self) -> float:
        """What a large copy moves here, alone: bytes read and written."""
        return _bandwidth_bytes_per_s(self)

    def seconds_of(self, work: Callable[[], Any], rounds: int) -> float:
        """The least time that some work takes: of this process's core on a CPU, so that neighbours do not count."""
        taken = []
        for _ in range(rounds):
            self._wait()
            start = self._clock()
            work()
            self._wait()
            taken.append(self._clock() - start)
        return min(taken)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _clock(self) -> float:
        return time.perf_counter() if self.device.type == "cuda" else time.process_time()

    def memory_bytes(self) -> int:
        """Peak memory on the GPU; on a CPU this process's own, without the chips that it shares with other jobs.

        Jobs keep what they free (JOB_ENVIRONMENT), so what they hold at their end is the most that they held.
        """
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return int(status["RssAnon"].split()[0]) * 1024


@contextmanager
def enough_memory(networks: int) -> Iterator[None]:
    """Say what to do where so many networks do not fit on a GPU.

    Raises:
        UserError: if they do not.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise UserError(
            f"the GPU's memory does not hold {networks} networks in training",
            "config: execution",
            "lower jobs_per_gpu or grid.batch_sizes, or set folds_together: never",
        ) from None


def _cpu_multiplies_bf16() -> bool:
    """Whether it has AVX512-BF16 or AMX; others would emulate it, slower than float32."""
    # Private to torch, but checked by a test; /proc/cpuinfo spells the flags differently on each architecture.
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@cache
def _peak_flops_per_s(compute: Compute) -> float:
    multiply, flops = compute.large_product()
    # The least of many short rounds: a busy host leaves some of them alone.
    return flops / compute.seconds_of(multiply, rounds=12)


@cache
def _bandwidth_bytes_per_s(compute: Compute) -> float:
    count = 2**28 if compute.device.type == "cuda" else 2**25  # far more than caches hold
    source, target = torch.ones(2, count, device=compute.device)
    return float(2 * source.nbytes) / compute.seconds_of(lambda: target.copy_(source), rounds=4)


@cache
def _claim_gpu() -> torch.device:
    gpus = [str(torch.cuda.get_device_properties(place).uuid) for place in range(torch.cuda.device_count())]
    place = claim(gpus)
    torch.cuda.set_device(place)
    return torch.device("cuda", place)


def use_one_thread() -> int:
    """Make results independent of the host's core count: one thread, deterministic algorithms; returns the threads."""
    torch.set_num_threads(1)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is not deterministic
    torch.backends.cudnn.allow_tf32 = False  # float32 means float32; whoever wants it faster chooses bf16
    # Pooling has no deterministic backward pass on CUDA, so it only warns. `use_deterministic_algorithms` would do the
    # same and import torch's compiler, a second of every job.
    torch.set_deterministic_debug_mode("warn")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing here reads what it has not written
    return torch.get_num_threads()
