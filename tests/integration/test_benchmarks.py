"""Every benchmark runs; what it measures is for people, because machines are noisy."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "nn_meter/k8_cpu"
BENCHMARKS = {
    "apply_model": ["--quick"],
    "cell_search": ["--quick"],
    "dry_run": ["--quick"],
    "efficiency": ["--quick"],
    "fidelity": ["--quick"],
    "folds_together": ["--quick"],
    "gpu": ["--quick"],
    "halving": ["--quick"],
    "latency_engine": ["--unit", "us", "--quick", "--package", PACKAGE],
    "map_speed": ["--quick"],
    "memory": ["--quick"],
    "own_device": ["--quick"],
    "predictions": ["--quick"],
    "racing": ["--quick"],
    "recipe": ["--quick"],
    "runtimes": ["--quick"],
    "search": ["--quick"],
    "start_up": ["--quick", "--rule", "predict_latency"],
    "rank_preservation": ["--quick"],
    "latency_estimators": ["--quick"],
    "switching": ["--quick"],
    "transfer": ["--quick"],
    "training": ["--quick"],
}


def test_all_benchmarks_are_listed() -> None:
    assert {file.stem for file in (ROOT / "benchmarks").glob("*.py")} == set(BENCHMARKS)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_prints_ratios(name: str, request: pytest.FixtureRequest) -> None:
    flags = BENCHMARKS[name]
    if PACKAGE in flags:
        shared: Path = request.getfixturevalue("shared")
        flags = [str(shared / "data" / PACKAGE) if flag == PACKAGE else flag for flag in flags]
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), *flags]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "ratio" in result.stdout
