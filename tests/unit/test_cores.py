"""No more jobs than cores that one may use."""

import os
import subprocess
import sys

import pytest

from workflow_lib.core.cores import available_cores


@pytest.fixture(autouse=True)
def no_allocation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"):
        monkeypatch.delenv(name, raising=False)


def test_no_more_than_the_affinity_allows() -> None:
    core = min(os.sched_getaffinity(0))
    command = ["taskset", "--cpu-list", str(core), sys.executable, "-m", "workflow_lib.core.cores"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1\n"


def test_no_more_than_slurm_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    here = available_cores()
    assert 1 <= here <= len(os.sched_getaffinity(0))
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "1000")
    assert available_cores() == here
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    assert available_cores() == 1
