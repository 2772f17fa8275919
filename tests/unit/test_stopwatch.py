"""Measuring on this host: real runs, and arithmetic of rounds and drift on made-up ones."""

import time
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from workflow_lib.core.errors import UserError
from workflow_lib.latency import stopwatch as module
from workflow_lib.latency.kernel_graphs import empty_graph
from workflow_lib.latency.runtimes import OnnxRuntime
from workflow_lib.latency.stopwatch import ROUNDS, Stopwatch, measure_network, summarise_rounds, time_runs

EMPTY = empty_graph().SerializeToString()


def test_runs_are_timed() -> None:
    runs = time_runs(OnnxRuntime().open(EMPTY), OnnxRuntime(), min_duration_s=0.01)
    assert 8 <= len(runs) <= 200
    assert (runs > 0).all()
    assert np.median(runs) < 10


def test_one_cpu_thread_is_timed_by_what_it_computes() -> None:
    assert OnnxRuntime().clock() is time.process_time_ns
    assert OnnxRuntime(threads=2).clock() is time.perf_counter_ns
    assert OnnxRuntime(provider="cuda").clock() is time.perf_counter_ns


def test_a_network_s_fastest_round_counts() -> None:
    summary = measure_network(EMPTY, OnnxRuntime())
    assert summary["latency_ms"] > 0
    assert summary["runs"] >= 8 * ROUNDS
    assert summarise_rounds(np.array([3.0, 1.0, 2.0]), 30) == {
        "latency_ms": 1.0, "latency_run_std_ms": 1.0, "runs": 30
    }  # fmt: skip
    assert summarise_rounds(np.array([3.0]), 8)["latency_run_std_ms"] is None


def test_drift_of_the_machine_is_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine gets slower by half between two rounds; the reference tells."""
    slowness = [1.0]
    monkeypatch.setattr(module, "time_runs", lambda session, _: np.full(9, 4.0 * slowness[0]))
    stopwatch = Stopwatch(OnnxRuntime(), EMPTY)
    models = {f"model {number}": lambda: EMPTY for number in range(60)}
    for slowness[0] in (1.0, 1.0, 1.5):
        stopwatch.run_round(models, lambda: None)
    table = stopwatch.measurements().set_index("model")
    assert list(table.index) == list(models)
    assert (table["runs"] == 27).all()
    assert table["latency_ms"].to_numpy() == pytest.approx(4.0)
    # Where the speed jumps, the smoothed reference is off for a few readings; elsewhere all rounds agree.
    assert table["latency_run_std_ms"]["model 30":].to_numpy() == pytest.approx(0.0)
    assert stopwatch.drift_pct == pytest.approx(50)


def test_what_cannot_run_is_refused_in_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(UserError, match=r"broken\.onnx: ONNX Runtime cannot load the network"):
        OnnxRuntime().open(broken)
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        with pytest.raises(UserError, match="provider: ONNX Runtime has no CUDAExecutionProvider here; install"):
            OnnxRuntime(provider="cuda").open(EMPTY)


def test_a_measurement_says_what_it_depends_on() -> None:
    about = OnnxRuntime(threads=2).describe()
    assert about["threads"] == 2
    assert about["clock"] == "wall time"
    assert about["processor"]
