"""The same run through Slurm, by both executors: the same tables as here.

All tests that need a Slurm are in this file: two processes run the end-to-end tests, a file each, and two Slurms on one
host would get in each other's way.
"""

import os
import random
import signal
import subprocess
import sys
import time
from itertools import cycle
from pathlib import Path

import pytest
from private_slurm import Slurm
from runs import ROOT, TABLE_FILES, TINY, assert_same_tables, finish, start, write_config

SLURM_KILLS = max(3, int(os.environ.get("EDGEFRONT_KILLS", "0")))
# Waits that make sense for a cluster's hours, shortened.
QUICKLY = {
    "slurm": ["--slurm-init-seconds-before-status-checks", "2", "--seconds-between-status-checks", "2"],
    "cluster-generic": ["--seconds-between-status-checks", "1"],
}


def command(folder: Path, profile: str, *arguments: str, config: Path = TINY) -> list[str]:
    return [
        sys.executable, "-m", "snakemake", *arguments, "--snakefile", str(ROOT / "Snakefile"),
        "--profile", str(ROOT / "profiles" / profile), "--directory", str(folder), "--configfile", str(config),
        "--quiet", "rules", "--latency-wait", "20", *QUICKLY[profile],
    ]  # fmt: skip


@pytest.mark.parametrize("profile", QUICKLY)
def test_a_cluster_s_tables_are_those_of_this_machine(profile: str, slurm: Slurm, run: Path, tmp_path: Path) -> None:
    # Slurm's own executor looks at its jobs rarely, so it makes the tables only; the other one also figures and report.
    targets = TABLE_FILES if profile == "slurm" else ["all"]
    before = jobs(slurm)
    result = subprocess.run(command(tmp_path, profile, *targets), capture_output=True, text=True, env=slurm.environment)
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    assert_same_tables(run, tmp_path / "results" / "tiny")
    # 6 trainings of folds, chips, import, hold-out and figures alone; export, latency, forests and figures in groups.
    assert 8 <= len(jobs(slurm).keys() - before.keys()) <= 20


def jobs(slurm: Slurm) -> dict[str, str]:
    """What Slurm knows of each job, of those that have finished, too; by the job's number."""
    shown = slurm.query("scontrol", "show", "jobs", "--detail").split("\n\n")
    return {job.split()[0]: job for job in shown if job.startswith("JobId=")}


@pytest.mark.parametrize("profile", QUICKLY)
def test_a_training_on_cuda_asks_for_one_gpu(
    profile: str, slurm: Slurm, run: Path, own_run: Path, tmp_path: Path
) -> None:
    """The fake GPU cannot train: what is tested is the request, and that the refusal is one clear line."""
    config = write_config(tmp_path / "cuda.yaml", {"training.device": "cuda"})
    target = "results/tiny/train_fold/6/8/k3-s2-p1-pool3s2-w32/0.parquet"
    before = jobs(slurm)
    result = subprocess.run(
        command(own_run, profile, target, "--retries", "0", config=config),
        capture_output=True, text=True, env=slurm.environment,
    )  # fmt: skip
    assert result.returncode == 1
    new = [job for number, job in jobs(slurm).items() if number not in before]
    assert any("TresPerJob=gres:gpu:1" in job or "GRES=gpu:fake:1" in job for job in new)
    log = own_run / "results/tiny/logs/train_fold/6/8/k3-s2-p1-pool3s2-w32/folds.log"
    assert log.read_text().startswith("error: config: training.device: no CUDA device here")


def test_a_killed_node_and_controller(run: Path, slurm: Slurm, tmp_path: Path) -> None:
    random.seed(7)
    arguments = command(tmp_path, "cluster-generic", "all")
    process = start(arguments, slurm.environment)
    for _, daemon in zip(range(SLURM_KILLS), cycle(("n1", "slurmctld", "n2")), strict=False):
        time.sleep(random.uniform(2, 10))
        slurm.kill(daemon)
        time.sleep(1)
        slurm.start()
    time.sleep(random.uniform(1, 5))
    process.send_signal(signal.SIGKILL)
    process.wait()
    finish(arguments, slurm.environment)
    assert_same_tables(run, tmp_path / "results" / "tiny")
