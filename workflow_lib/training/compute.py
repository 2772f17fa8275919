"""The compute device of a training, its precision, threads, throughput and memory use."""

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
from workflow_lib.models.strided_convolutions import guard_strided_convolutions
from workflow_lib.training.gpus import claim
from workflow_lib.training.training_config import TrainingConfig

Precision = Literal["float32", "bf16"]


@dataclass(frozen=True)
class Compute:
    """A device and the precision of its multiplications."""

    device: torch.device
    precision: Precision

    @classmethod
    def choose(cls, training: TrainingConfig) -> "Compute":
        """Choose the device and precision that the config requests; a GPU is claimed until this job ends.

        Raises:
            UserError: if the config requests CUDA or bf16 and this machine does not have it.
        """
        guard_strided_convolutions()
        available = torch.cuda.is_available()
        if training.device == "cuda" and not available:
            raise UserError("no CUDA device here", "config: training.device", "use auto or cpu")
        on_gpu = available and training.device != "cpu"
        device = _claim_gpu() if on_gpu else torch.device("cpu")
        multiplies_bf16 = torch.cuda.is_bf16_supported(including_emulation=False) if on_gpu else cpu_multiplies_bf16()
        if training.precision == "bf16" and not multiplies_bf16:
            raise UserError(
                "this processor does not multiply bf16", "config: training.precision", "use auto or float32"
            )
        precision: Precision = "bf16" if multiplies_bf16 and training.precision != "float32" else "float32"
        return cls(device, precision)

    def autocast(self) -> Any:
        """Context of a forward pass in this precision."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bf16" else nullcontext()

    @property
    def dtype(self) -> torch.dtype:
        """Type of the multiplied values."""
        return torch.bfloat16 if self.precision == "bf16" else torch.float32

    @property
    def name(self) -> str:
        """`cpu`, or the GPU's name."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"

    def peak_flops_per_s(self) -> float:
        """Achievable peak: measured throughput of a large matrix product, run by itself in this precision.

        Source: Kosaian and Phanishayee, A Study on the Intersection of GPU Utilization and CNN Inference, section 3.1.
        """
        return _peak_flops_per_s(self)

    def large_product(self) -> tuple[Callable[[], torch.Tensor], int]:
        """A function that computes a large matrix product, for timing, and the FLOPs of that product."""
        size = 8192 if self.device.type == "cuda" else 768
        factors = torch.rand(2, size, size, device=self.device).to(self.dtype)
        return lambda: factors[0] @ factors[1], 2 * size**3

    def bandwidth_bytes_per_s(self) -> float:
        """Measured memory bandwidth of a large copy, run by itself; it counts bytes read and bytes written."""
        return _bandwidth_bytes_per_s(self)

    def min_seconds(self, work: Callable[[], Any], rounds: int) -> float:
        """Measure the minimum time that some work takes over several rounds.

        On a CPU this is the CPU time of the process, which does not include other processes.
        """
        times = []
        for _ in range(rounds):
            self._wait()
            start = self._clock()
            work()
            self._wait()
            times.append(self._clock() - start)
        return min(times)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _clock(self) -> float:
        return time.perf_counter() if self.device.type == "cuda" else time.process_time()

    def memory_bytes(self) -> int:
        """Peak memory on the GPU; on a CPU, private memory of this process, without chips shared with other jobs.

        Jobs do not return freed memory to the system (JOB_ENVIRONMENT), so their memory at the end is their peak.
        """
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return int(status["RssAnon"].split()[0]) * 1024


@contextmanager
def enough_memory(networks: int) -> Iterator[None]:
    """Context that turns a GPU's out-of-memory error into advice.

    Args:
        networks: number of networks that are trained together.

    Raises:
        UserError: if the GPU runs out of memory.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise UserError(
            f"the GPU's memory is too small to train {networks} networks",
            "config: execution",
            "lower jobs_per_gpu or grid.batch_sizes, or set folds_together: never",
        ) from None


def cpu_multiplies_bf16() -> bool:
    """Whether the CPU has AVX512-BF16 or AMX; others emulate bf16, which is slower than float32."""
    # Private to torch, but checked by a test; /proc/cpuinfo spells the flags differently on each architecture.
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@cache
def _peak_flops_per_s(compute: Compute) -> float:
    multiply, flops = compute.large_product()
    # The minimum of many short rounds, because some of them run undisturbed on a busy host.
    return flops / compute.min_seconds(multiply, rounds=12)


@cache
def _bandwidth_bytes_per_s(compute: Compute) -> float:
    count = 2**28 if compute.device.type == "cuda" else 2**25  # far larger than the caches
    source, target = torch.ones(2, count, device=compute.device)
    return float(2 * source.nbytes) / compute.min_seconds(lambda: target.copy_(source), rounds=4)


@cache
def _claim_gpu() -> torch.device:
    gpus = [str(torch.cuda.get_device_properties(number).uuid) for number in range(torch.cuda.device_count())]
    number = claim(gpus)
    torch.cuda.set_device(number)
    return torch.device("cuda", number)


def use_one_thread() -> int:
    """Make results independent of the host's core count: one thread and deterministic algorithms.

    Returns:
        Number of threads that torch uses.
    """
    torch.set_num_threads(1)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # otherwise cuBLAS is not deterministic
    torch.backends.cudnn.allow_tf32 = False  # float32 means float32; bf16 is the faster option
    # Only warn, because pooling has no deterministic backward pass on CUDA. `use_deterministic_algorithms` would do the
    # same, but imports torch's compiler, which takes a second in every job.
    torch.set_deterministic_debug_mode("warn")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # no code here reads uninitialized memory
    return torch.get_num_threads()
