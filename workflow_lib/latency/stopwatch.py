"""Latency measurement of networks on this machine: rounds, summaries, and correction for the drift of the machine."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError
from workflow_lib.latency.runtimes import Model, Run, Runtime

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


def time_runs(run: Run, runtime: Runtime, min_duration_s: float = _ROUND_S) -> NDArray[np.float64]:
    """Time a network, one image at a time.

    Args:
        run: loaded network, from `runtime.open`.
        runtime: the runtime that opened it.
        min_duration_s: time during which runs are repeated; at least 8 and at most 200 runs are made.

    Returns:
        (runs,) latency of each run in ms, without the warm-up runs.
    """
    for _ in range(_WARM_UP_RUNS):
        run()
    clock = runtime.clock()
    runs: list[int] = []
    end = time.perf_counter() + min_duration_s
    while len(runs) < _MIN_RUNS or (time.perf_counter() < end and len(runs) < _MAX_RUNS):
        start = clock()
        run()
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


def measure_network(model: Model, runtime: Runtime) -> dict[str, float | int | None]:
    """Measure a single network.

    Args:
        model: network with fixed shapes, in the format of the runtime.
        runtime: how to run it.

    Returns:
        The columns of MEASUREMENTS except the model's name.

    Raises:
        UserError: if the network cannot be loaded, or its input is not one image.
    """
    run = runtime.open(model)
    rounds = [time_runs(run, runtime, _SINGLE_NETWORK_ROUND_S) for _ in range(ROUNDS)]
    return summarise_rounds(np.array([np.median(runs) for runs in rounds]), sum(map(len, rounds)))


def measure_networks(files: Mapping[str, Path], runtime: Runtime) -> pd.DataFrame:
    """Measure networks in rounds.

    Args:
        files: file of each network, by name.
        runtime: how to run them.

    Returns:
        Rows of MEASUREMENTS.
    """
    stopwatch = Stopwatch(runtime, smallest(files))
    models = {name: partial(Path, file) for name, file in files.items()}
    for _ in range(ROUNDS):
        stopwatch.run_round(models, lambda: None)
    return stopwatch.measurements()


def smallest(files: Mapping[str, Path]) -> Path:
    """Return the smallest file of a network: a reference may be any that is fast, but not as fast as the noise."""
    return min(files.values(), key=lambda file: file.stat().st_size)


class Stopwatch:
    """Times many networks in rounds and corrects for the drift of the machine.

    A reference network is timed before every tenth model. The latency of a model is divided by the drift at that time:
    the smoothed latency of the reference, relative to its overall median.

    Args:
        runtime: how to run networks.
        reference: the reference network.
    """

    def __init__(self, runtime: Runtime, reference: Model) -> None:
        self._runtime = runtime
        self._reference = runtime.open(reference)
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
                self._reference_ms.append(float(np.median(time_runs(self._reference, self._runtime))))
            runs = time_runs(self._runtime.open(make()), self._runtime)
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
