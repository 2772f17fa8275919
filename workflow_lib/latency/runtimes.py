"""Runtimes of networks on this machine: their common interface, and ONNX Runtime."""

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError

Model = bytes | Path
"""A network: its file, or the content of one."""

Run = Callable[[], object]
"""A loaded network; a call runs it once on an image."""


_NUMBERS: Final[Mapping[str, type[np.number[Any]]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}
"""Types of inputs that ONNX Runtime names, and numpy's."""


def noise(shape: Sequence[int], kind: type[np.number[Any]]) -> NDArray[Any]:
    """Draw an image, always the same one: normally distributed, or as integers from 0 on."""
    values = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    return (np.abs(30 * values).clip(max=127) if np.issubdtype(kind, np.integer) else values).astype(kind)


class Runtime(Protocol):
    """Loads and runs networks.

    Attributes:
        threads: number of threads per operator.
    """

    @property
    def threads(self) -> int:
        """Number of threads per operator."""

    def open(self, model: Model) -> Run:
        """Load a network.

        Raises:
            UserError: if the runtime cannot load it, or its input is not one image.
        """

    def clock(self) -> Callable[[], int]:
        """Return the clock that measures a run, in nanoseconds."""

    def describe(self) -> dict[str, Any]:
        """Describe the conditions of a measurement as JSON values."""


@dataclass(frozen=True)
class OnnxRuntime:
    """ONNX Runtime.

    Attributes:
        threads: number of threads per operator.
        provider: cpu, or cuda for the first GPU.
    """

    threads: int = 1
    provider: Literal["cpu", "cuda"] = "cpu"

    def session(self, model: Model) -> Any:
        """Load a network as a session of ONNX Runtime.

        Raises:
            UserError: if ONNX Runtime lacks the provider, or cannot read the network.
        """
        import onnxruntime

        wanted = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}[self.provider]
        if wanted not in onnxruntime.get_available_providers():
            raise UserError(
                f"ONNX Runtime has no {wanted} here", "provider", "install onnxruntime-gpu, or choose provider: cpu"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        # Spinning threads would add to the CPU time.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            source = str(model) if isinstance(model, Path) else model
            return onnxruntime.InferenceSession(source, options, providers=[wanted])
        except Exception as error:  # its exceptions have no public base class
            raise UserError(f"ONNX Runtime cannot load the network ({str(error)[:200]})", place_of(model)) from None

    def open(self, model: Model) -> Run:
        """Load a network; see `Runtime.open`."""
        session = self.session(model)
        binding = session.io_binding()
        for tensor in session.get_inputs():
            sizes = tensor.shape
            if tensor.type not in _NUMBERS or not all(isinstance(size, int) for size in sizes) or sizes[:1] != [1]:
                raise UserError(
                    f"input {tensor.name} is {tensor.type} {sizes}, but must be one image of known size",
                    place_of(model),
                )
            binding.bind_cpu_input(tensor.name, noise(sizes, _NUMBERS[tensor.type]))
        for tensor in session.get_outputs():
            binding.bind_output(tensor.name)
        return lambda: session.run_with_iobinding(binding)

    def clock(self) -> Callable[[], int]:
        """Return the clock of a run: wall time on a GPU, because the work runs beside the calling thread."""
        return cpu_clock(self.threads) if self.provider == "cpu" else time.perf_counter_ns

    def describe(self) -> dict[str, Any]:
        """Describe the conditions of a measurement as JSON values."""
        import onnxruntime

        return conditions(self) | {"provider": self.provider, "onnxruntime": onnxruntime.__version__}


def cpu_clock(threads: int) -> Callable[[], int]:
    """Return CPU time for one thread, else wall time.

    CPU time on one thread does not increase with other work on the machine. The largest CROSS network under load takes
    222 to 508 ms of wall time, but 107 to 111 ms of CPU time. Several threads work beside the calling one.
    """
    return time.process_time_ns if threads == 1 else time.perf_counter_ns


def conditions(runtime: Runtime) -> dict[str, Any]:
    """Describe the processor, the threads and the clock of measurements with a runtime."""
    clock = "CPU time" if runtime.clock() is time.process_time_ns else "wall time"
    return {"processor": _processor(), "threads": runtime.threads, "clock": clock}


def place_of(model: Model) -> Path | str:
    """Return the file of a network, for error messages; empty for the content of one."""
    return model if isinstance(model, Path) else ""


def _processor() -> str:
    """Return the processor's name; only Linux provides it in a file."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.processor() or platform.machine()
