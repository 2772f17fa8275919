"""The driver of searches when it is told to stop: Snakemake is who answers."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from stage_runs import ENVIRONMENT

# In Snakemake's place: something that takes its time to clean up.
STUBBORN = """#!/bin/bash
trap 'sleep 1; echo cleaned; exit 3' INT TERM
echo ready
while :; do sleep 0.1; done
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_snakemake_cleans_up_before_the_driver_ends(tmp_path: Path, number: signal.Signals) -> None:
    snakemake = tmp_path / "snakemake"
    snakemake.write_text(STUBBORN)
    snakemake.chmod(0o755)
    driven = f"sys.executable = {str(snakemake)!r}; sys.exit(rounds.snakemake())"
    code = f"import sys; from workflow_lib import rounds; {driven}"
    driver = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
        start_new_session=True,
    )  # fmt: skip
    assert driver.stdout
    assert driver.stdout.readline() == "ready\n"
    if number == signal.SIGINT:  # as a terminal does
        os.killpg(driver.pid, number)
    else:
        driver.send_signal(number)
    output, errors = driver.communicate(timeout=30)
    assert (driver.returncode, output) == (3, "cleaned\n")
    assert "Traceback" not in errors


def test_a_signal_that_comes_while_snakemake_starts_ends_it(tmp_path: Path) -> None:
    snakemake = tmp_path / "snakemake"
    snakemake.write_text(STUBBORN)
    snakemake.chmod(0o755)
    code = f"""
import os, signal, subprocess, sys
from workflow_lib import rounds
started = subprocess.Popen
def start(*command):
    process = started(*command)
    os.kill(os.getpid(), signal.SIGTERM)
    return process
sys.executable, subprocess.Popen = {str(snakemake)!r}, start
sys.exit(rounds.snakemake())
"""
    driver = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, timeout=30)
    assert driver.returncode in (3, 128 + signal.SIGTERM), driver.stderr  # the first, if its trap was set in time
