"""What a network takes where this process runs, with ONNX Runtime."""

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
"""Passes over all that is measured, as far apart in time as they can be; the fastest counts."""

# Runs before any is timed: the first allocates, and finds its code and weights in no cache.
_WARM_UP: Final = 3
_LEAST_RUNS: Final = 8
_MOST_RUNS: Final = 200
_ROUND_S: Final = 0.05
_ALONE_ROUND_S: Final = 0.5
# The reference is timed between that many models; its own noise is smoothed over that many readings.
_REFERENCE_EVERY: Final = 10
_REFERENCE_WINDOW: Final = 5
_MS_PER_NS: Final = 1e-6

Model = bytes | Path
Session = Any  # onnxruntime has no types


@dataclass(frozen=True)
class Host:
    """How networks run on this machine.

    Attributes:
        threads: of one operator.
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
        # Spinning threads would count as work.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            source = str(model) if isinstance(model, Path) else model
            return onnxruntime.InferenceSession(source, options, providers=[wanted])
        except Exception as error:  # its exceptions have no common, public base
            where = model if isinstance(model, Path) else ""
            raise UserError(f"ONNX Runtime cannot load the network ({str(error)[:200]})", where) from None

    def clock(self) -> Callable[[], int]:
        """Nanoseconds of what a run takes.

        On one CPU thread that is the time that the process computes: other work on the machine delays it, but does
        not make it longer (measured on the largest CROSS network under load: 222 to 508 ms on the wall, 107 to 111 of
        CPU). Threads and GPUs compute beside the process, so there it is the time on the wall.
        """
        return time.process_time_ns if self.threads == 1 and self.provider == "cpu" else time.perf_counter_ns

    def describe(self) -> dict[str, Any]:
        """What a measurement depends on, as JSON values."""
        import onnxruntime

        return {
            "processor": _processor(),
            "threads": self.threads,
            "provider": self.provider,
            "onnxruntime": onnxruntime.__version__,
            "clock": "CPU time" if self.clock() is time.process_time_ns else "wall time",
        }


def time_runs(session: Session, host: Host, least_s: float = _ROUND_S) -> NDArray[np.float64]:
    """Time a network, one image at a time.

    Args:
        session: of `host.open`.
        host: that opened it.
        least_s: goes on for at least so long, with at least 8 and at most 200 runs.

    Returns:
        (runs,) ms of each run, after some that do not count.
    """
    binding = session.io_binding()
    values = np.random.default_rng(0)
    for tensor in session.get_inputs():
        binding.bind_cpu_input(tensor.name, values.standard_normal(tensor.shape, dtype=np.float32))
    for tensor in session.get_outputs():
        binding.bind_output(tensor.name)
    for _ in range(_WARM_UP):
        session.run_with_iobinding(binding)
    clock = host.clock()
    runs: list[int] = []
    end = time.perf_counter() + least_s
    while len(runs) < _LEAST_RUNS or (time.perf_counter() < end and len(runs) < _MOST_RUNS):
        start = clock()
        session.run_with_iobinding(binding)
        runs.append(clock() - start)
    return np.array(runs) * _MS_PER_NS


def summarise_rounds(medians_ms: NDArray[np.float64], runs: int) -> dict[str, float | int | None]:
    """What rounds of runs say of one network.

    Args:
        medians_ms: (rounds,) median of each round.
        runs: in all rounds together.

    Returns:
        The columns of MEASUREMENTS beside the model's name: the fastest round, because a busy machine only ever
        makes a run longer; the standard deviation over rounds (n - 1); the runs.
    """
    if not medians_ms.min() > 0:
        raise UserError("a run took 0 ms", "clock", "its clock is too coarse to measure latencies with")
    spread = float(np.std(medians_ms, ddof=1)) if len(medians_ms) > 1 else None
    return {"latency_ms": float(medians_ms.min()), "latency_run_std_ms": spread, "runs": runs}


def measure_network(model: Model, host: Host) -> dict[str, float | int | None]:
    """Measure one network by itself.

    Args:
        model: of fixed shapes.
        host: that runs it.

    Returns:
        The columns of MEASUREMENTS beside the model's name.
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
                f"input {tensor.name} is {tensor.type} {tensor.shape}, and one float32 image is needed", where
            )
    rounds = [time_runs(session, host, _ALONE_ROUND_S) for _ in range(ROUNDS)]
    return summarise_rounds(np.array([np.median(runs) for runs in rounds]), sum(map(len, rounds)))


class Stopwatch:
    """Times many networks in rounds, and takes the drift of the machine out of them.

    A reference network is timed after every tenth model. What a model took is divided by how much slower than in all
    the reference was at that time.
    """

    def __init__(self, host: Host, reference: Model) -> None:
        self._host = host
        self._reference = host.open(reference)
        self._reference_ms: list[float] = []
        self._readings: dict[str, list[tuple[int, float, int]]] = {}

    def run_round(self, models: Mapping[str, Callable[[], Model]], progress: Callable[[], None]) -> None:
        """Time every model once more, in the order given.

        Args:
            models: by name; each is made when its turn comes.
            progress: called after each.
        """
        for number, (name, make) in enumerate(models.items()):
            if number % _REFERENCE_EVERY == 0:
                self._reference_ms.append(float(np.median(time_runs(self._reference, self._host))))
            runs = time_runs(self._host.open(make()), self._host)
            reading = len(self._reference_ms) - 1, float(np.median(runs)), len(runs)
            self._readings.setdefault(name, []).append(reading)
            progress()

    def measurements(self) -> pd.DataFrame:
        """Rows of MEASUREMENTS, one per model."""
        drift = self._drift()
        rows = []
        for name, readings in self._readings.items():
            medians = np.array([median / drift[place] for place, median, _ in readings])
            rows.append({"model": name} | summarise_rounds(medians, sum(runs for *_, runs in readings)))
        return pd.DataFrame(rows)

    @property
    def drift_pct(self) -> float:
        """Largest deviation of the smoothed reference from its median (percent)."""
        return float(100 * np.abs(self._drift() - 1).max())

    def _drift(self) -> NDArray[np.float64]:
        """(reference readings,) how much slower the machine was than in all."""
        readings = pd.Series(self._reference_ms)
        smooth = readings.rolling(_REFERENCE_WINDOW, center=True, min_periods=1).median()
        drift: NDArray[np.float64] = (smooth / readings.median()).to_numpy()
        return drift


def _processor() -> str:
    """The processor's name, which only Linux tells in a file."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.processor() or platform.machine()
