"""The status command of profiles/cluster-generic, with answers as Slurm's commands give them.

A job that is wrongly said to have failed is submitted again beside itself.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

STATUS = Path(__file__).parents[2] / "profiles" / "cluster-generic" / "status"
NO_JOB = "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1"
NO_ANSWER = "echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2; exit 1"
NO_ACCOUNTING = "echo 'Slurm accounting storage is disabled' >&2; exit 1"
SILENCE = "exit 0"


def status(folder: Path, squeue: str, sacct: str = NO_ACCOUNTING, job: str = "123", longest_s: float = 600) -> str:
    commands = folder / "bin"
    commands.mkdir(exist_ok=True)
    for name, answer in {"squeue": squeue, "sacct": sacct}.items():
        (commands / name).write_text(f"#!/bin/sh\n{answer}\n")
        (commands / name).chmod(0o755)
    environment = {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}", "EDGEFRONT_LONGEST_UNKNOWN_S": str(longest_s)}
    done = subprocess.run(
        [sys.executable, STATUS, job], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("PENDING", "running"), ("CONFIGURING", "running"), ("COMPLETING", "running"), ("REQUEUE_HOLD", "running"),
        ("SPECIAL_EXIT", "running"), ("COMPLETED", "success"), ("FAILED", "failed"), ("TIMEOUT", "failed"),
        ("CANCELLED", "failed"), ("OUT_OF_MEMORY", "failed"), ("NODE_FAIL", "failed"), ("BOOT_FAIL", "failed"),
    ],
)  # fmt: skip
def test_what_the_queue_says_is_believed(state: str, expected: str, tmp_path: Path) -> None:
    assert status(tmp_path, f"echo {state}") == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("COMPLETED", "success"),
        ("  COMPLETED ", "success"),  # without --parsable2, columns are padded
        ("CANCELLED by 1000", "failed"),
        ("OUT_OF_ME+\nOUT_OF_MEMORY", "failed"),  # a column that was cut off, in versions before 20.11
        ("RUNNING|", "running"),
        ("Welcome to the cluster\n\nMaintenance on FAILED nodes\nCOMPLETED", "success"),
    ],
)
@pytest.mark.parametrize("queue", [NO_JOB, SILENCE])  # versions differ in what they say of a job that is gone
def test_a_job_that_the_queue_forgot_is_looked_up(answer: str, expected: str, queue: str, tmp_path: Path) -> None:
    assert status(tmp_path, queue, f"printf '%s\\n' '{answer}'") == expected


@pytest.mark.parametrize("queue", [NO_ANSWER, SILENCE, NO_JOB, "echo ''", "echo NEW_STATE", "echo FAILURE OF THE DISK"])
@pytest.mark.parametrize("accounts", [NO_ACCOUNTING, SILENCE, NO_ANSWER, "echo; echo '        '"])
def test_without_an_answer_a_job_is_given_up_only_after_a_time(queue: str, accounts: str, tmp_path: Path) -> None:
    assert status(tmp_path, queue, accounts) == "running"
    note = tmp_path / ".snakemake" / "slurm_unknown" / "123"
    assert status(tmp_path, queue, accounts, longest_s=600) == "running"
    before = time.time() - 601
    os.utime(note, (before, before))
    assert status(tmp_path, queue, accounts, job="124") == "running", "the time is that of each job"
    assert status(tmp_path, queue, accounts) == "failed"


def test_the_time_begins_anew_after_an_answer(tmp_path: Path) -> None:
    assert status(tmp_path, NO_ANSWER) == "running"
    note = tmp_path / ".snakemake" / "slurm_unknown" / "123"
    before = time.time() - 601
    os.utime(note, (before, before))
    assert status(tmp_path, "echo RUNNING") == "running"
    assert not note.exists()
    assert status(tmp_path, NO_ANSWER) == "running"


def test_standard_error_is_no_answer(tmp_path: Path) -> None:
    assert status(tmp_path, "echo FAILED >&2; echo RUNNING") == "running"


def test_a_job_of_another_cluster_is_asked_for_there(tmp_path: Path) -> None:
    answer = 'case "$*" in *"--jobs=123 --clusters=alpha") echo "CLUSTER: alpha"; echo COMPLETED;; esac'
    assert status(tmp_path, answer, job="123;alpha") == "success"
