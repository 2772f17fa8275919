"""Latency measurement of networks on this machine, with ONNX Runtime."""

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError

ROUNDS: Final = 3
"""Number of passes over all models; passes are as far apart in time as possible, and the fastest one counts."""

# Untimed runs: the first one allocates memory, and finds neither code nor weights in the cache.
_WARM_UP_RUNS: Final = 3
_MIN_RUNS: Final = 8
_MAX_RUNS: Final = 200
_ROUND_S: Final = 0.05
_SINGLE_NETWORK_ROUND_S: Final = 0.5
# The reference network is timed after this many models; its readings are smoothed by a median over this window.
_REFERENCE_EVERY: Final = 10
_REFERENCE_WINDOW: Final = 5
_MS_PER_NS: Final = 1e-6

Model = bytes | Path
Session = Any  # onnxruntime has no types


@dataclass(frozen=True)
class Host:
    """Settings for running networks on this machine.

    Attributes:
        threads: number of threads per operator.
        provider: cpu, or cuda for the first GPU.
    """

    threads: int = 1
    provider: Literal["cpu", "cuda"] = "cpu"

    def open(self, model: Model) -> Session:
        """Load a network.

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
            where = model if isinstance(model, Path) else ""
            raise UserError(f"ONNX Runtime cannot load the network ({str(error)[:200]})", where) from None

    def clock(self) -> Callable[[], int]:
        """Return the clock that measures a run, in nanoseconds.

        On one CPU thread this is CPU time, which other work on the machine does not increase. The largest CROSS network
        under load takes 222 to 508 ms of wall time, but 107 to 111 ms of CPU time. With several threads or a GPU, wall
        time is used, because the work runs beside the calling thread.
        """
        return time.process_time_ns if self.threads == 1 and self.provider == "cpu" else time.perf_counter_ns

    def describe(self) -> dict[str, Any]:
        """Describe the conditions of a measurement as JSON values."""
        import onnxruntime

        return {
            "processor": _processor(),
            "threads": self.threads,
            "provider": self.provider,
            "onnxruntime": onnxruntime.__version__,
            "clock": "CPU time" if self.clock() is time.process_time_ns else "wall time",
        }


def time_runs(session: Session, host: Host, min_duration_s: float = _ROUND_S) -> NDArray[np.float64]:
    """Time a network, one image at a time.

    Args:
        session: loaded network, from `host.open`.
        host: the host that opened it.
        min_duration_s: time during which runs are repeated; at least 8 and at most 200 runs are made.

    Returns:
        (runs,) latency of each run in ms, without the warm-up runs.
    """
    binding = session.io_binding()
    generator = np.random.default_rng(0)
    for tensor in session.get_inputs():
        binding.bind_cpu_input(tensor.name, generator.standard_normal(tensor.shape, dtype=np.float32))
    for tensor in session.get_outputs():
        binding.bind_output(tensor.name)
    for _ in range(_WARM_UP_RUNS):
        session.run_with_iobinding(binding)
    clock = host.clock()
    runs: list[int] = []
    end = time.perf_counter() + min_duration_s
    while len(runs) < _MIN_RUNS or (time.perf_counter() < end and len(runs) < _MAX_RUNS):
        start = clock()
        session.run_with_iobinding(binding)
        runs.append(clock() - start)
    return np.array(runs) * _MS_PER_NS


def summarise_rounds(medians_ms: NDArray[np.float64], runs: int) -> dict[str, float | int | None]:
    """Summarise the rounds of one network.

    The fastest round counts, because other load can only make a run slower.

    Args:
        medians_ms: (rounds,) median latency of each round in ms.
        runs: total number of runs.

    Returns:
        The columns of MEASUREMENTS except the model's name; the standard deviation is over rounds, with n - 1.

    Raises:
        UserError: if a median is 0.

    >>> summarise_rounds(np.array([3.0, 2.0, 4.0]), runs=30)
    {'latency_ms': 2.0, 'latency_run_std_ms': 1.0, 'runs': 30}
    """
    if not medians_ms.min() > 0:
        raise UserError("a run took 0 ms", "clock", "the clock of this machine is too coarse; measure on another")
    spread = float(np.std(medians_ms, ddof=1)) if len(medians_ms) > 1 else None
    return {"latency_ms": float(medians_ms.min()), "latency_run_std_ms": spread, "runs": runs}


def measure_network(model: Model, host: Host) -> dict[str, float | int | None]:
    """Measure a single network.

    Args:
        model: ONNX network with fixed shapes.
        host: how to run it.

    Returns:
        The columns of MEASUREMENTS except the model's name.

    Raises:
        UserError: if the network cannot be loaded, or its input is not one float32 image.
    """
    session = host.open(model)
    for tensor in session.get_inputs():
        if (
            tensor.type != "tensor(float)"
            or not all(isinstance(size, int) for size in tensor.shape)
            or (tensor.shape[:1] != [1])
        ):
            where = model if isinstance(model, Path) else ""
            raise UserError(
                f"input {tensor.name} is {tensor.type} {tensor.shape}, but must be one float32 image", where
            )
    rounds = [time_runs(session, host, _SINGLE_NETWORK_ROUND_S) for _ in range(ROUNDS)]
    return summarise_rounds(np.array([np.median(runs) for runs in rounds]), sum(map(len, rounds)))


class Stopwatch:
    """Times many networks in rounds and corrects for the drift of the machine.

    A reference network is timed before every tenth model. The latency of a model is divided by the drift at that time:
    the smoothed latency of the reference, relative to its overall median.

    Args:
        host: how to run networks.
        reference: the reference network.
    """

    def __init__(self, host: Host, reference: Model) -> None:
        self._host = host
        self._reference = host.open(reference)
        self._reference_ms: list[float] = []
        self._readings: dict[str, list[tuple[int, float, int]]] = {}

    def run_round(self, models: Mapping[str, Callable[[], Model]], progress: Callable[[], None]) -> None:
        """Time every model once more, in the given order.

        Args:
            models: functions that make the models, by name; each is called just before its model is timed.
            progress: called after each model.
        """
        for number, (name, make) in enumerate(models.items()):
            if number % _REFERENCE_EVERY == 0:
                self._reference_ms.append(float(np.median(time_runs(self._reference, self._host))))
            runs = time_runs(self._host.open(make()), self._host)
            reading = len(self._reference_ms) - 1, float(np.median(runs)), len(runs)
            self._readings.setdefault(name, []).append(reading)
            progress()

    def measurements(self) -> pd.DataFrame:
        """Return rows of MEASUREMENTS, one per model."""
        drift = self._drift()
        rows = []
        for name, readings in self._readings.items():
            medians = np.array([median / drift[index] for index, median, _ in readings])
            rows.append({"model": name} | summarise_rounds(medians, sum(runs for *_, runs in readings)))
        return pd.DataFrame(rows)

    @property
    def drift_pct(self) -> float:
        """Largest deviation of the smoothed reference from its median (percent)."""
        return float(100 * np.abs(self._drift() - 1).max())

    def _drift(self) -> NDArray[np.float64]:
        """Compute the (reference readings,) slowdown of the machine, relative to the median."""
        readings = pd.Series(self._reference_ms)
        smooth = readings.rolling(_REFERENCE_WINDOW, center=True, min_periods=1).median()
        drift: NDArray[np.float64] = (smooth / readings.median()).to_numpy()
        return drift


def _processor() -> str:
    """Return the processor's name; only Linux provides it in a file."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.processor() or platform.machine()
