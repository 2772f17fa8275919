"""Jobs on the GPUs of one host: never more on one than may be, and nothing stays locked."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

_JOB = """
import sys
from workflow_lib.training.gpus import claim
print(claim(["a", "b"]), flush=True)
input()
"""


class Jobs:
    """Processes that claim one of two GPUs and keep it."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder

    def start(self) -> "subprocess.Popen[str]":
        output = (self._folder / f"{time.monotonic_ns()}.txt").open("w+")
        process = subprocess.Popen(
            [sys.executable, "-c", _JOB], stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, text=True
        )
        self._stack.callback(process.communicate)
        self._stack.callback(process.kill)
        process.args = output.name
        return process


def said(process: "subprocess.Popen[str]", wanted: int) -> list[str]:
    """Its first lines."""
    end = time.monotonic() + 20
    while len(lines := Path(str(process.args)).read_text().splitlines()) < wanted:
        assert time.monotonic() < end, lines
        time.sleep(0.02)
    return lines


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with ExitStack() as stack:
        yield Jobs(stack, tmp_path)


def test_each_job_has_its_own_gpu_and_the_next_waits_for_a_killed_one_s(jobs: Jobs) -> None:
    first, second = jobs.start(), jobs.start()
    assert sorted(said(first, 1) + said(second, 1)) == ["0", "1"]
    third = jobs.start()
    assert said(third, 1) == ["waiting for one of 2 GPUs"]
    second.kill()
    assert said(third, 2)[1] == said(second, 1)[0]


def test_jobs_spread_before_they_share(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEFRONT_JOBS_PER_GPU", "2")
    places = [said(jobs.start(), 1)[0] for _ in range(4)]
    assert places == ["0", "1", "0", "1"]
    assert said(jobs.start(), 1) == ["waiting for one of 2 GPUs"]


def test_locks_are_kept_where_nobody_else_can_put_links(jobs: Jobs, tmp_path: Path) -> None:
    folder = tmp_path / f"edgefront-gpus-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    assert "is another user's or open to others; remove it, or set TMPDIR" in " ".join(said(jobs.start(), 5))
