"""Every benchmark runs; what it measures is for people, because machines are noisy."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = {"latency_engine": ["--unit", "us", "--quick", "--package"]}


def test_all_benchmarks_are_listed() -> None:
    assert {file.stem for file in (ROOT / "benchmarks").glob("*.py")} == set(BENCHMARKS)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_prints_ratios(name: str, shared: Path) -> None:
    package = shared / "data" / "nn_meter" / "k8_cpu"
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), *BENCHMARKS[name], str(package)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "ratio" in result.stdout
