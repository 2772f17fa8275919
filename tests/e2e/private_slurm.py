"""A Slurm of one's own, for tests: three nodes on this host."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

_START = Path(__file__).with_name("start_slurm")
_NEEDED = ["slurmctld", "slurmd", "sbatch", "munged"]


@dataclass(frozen=True)
class Slurm:
    """Where it lives."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def start(self) -> None:
        """Start what does not run."""
        subprocess.run([str(_START), str(self.folder)], check=True)

    def stop(self) -> None:
        subprocess.run([str(_START), str(self.folder), "stop"], check=True)

    def kill(self, daemon: str) -> None:
        """SIGKILL slurmctld or a node (n1, n2, n3), and a node's jobs with it: steps first, or they tell of it."""
        process = int((self.folder / f"{daemon}.pid").read_text())
        os.kill(process, 9)
        jobs = [job for job in psutil.process_iter() if _node_of(job) == daemon]
        steps = {step for job in jobs for step in job.parents() if step.name().startswith("slurmstepd")}
        for victim in (*steps, *jobs):
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()

    def query(self, *command: str) -> str:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout


def _node_of(process: psutil.Process) -> str | None:
    with contextlib.suppress(psutil.Error):
        return process.environ().get("SLURMD_NODENAME")
    return None


def why_not() -> str | None:
    """What is missing here, in words."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    if missing := [name for name in _NEEDED if not shutil.which(name, path=path)]:
        return f"no Slurm here ({', '.join(missing)} missing): apt-get install slurmctld slurmd slurm-client munge"
    return None if os.getuid() == 0 else "starting a Slurm needs root"


def private_slurm() -> Iterator[Slurm]:
    """Start one, stop it afterwards; skip where it cannot run, fail where EDGEFRONT_NEED_SLURM says that it must."""
    if reason := why_not():
        (pytest.fail if os.environ.get("EDGEFRONT_NEED_SLURM") else pytest.skip)(reason)
    slurm = Slurm(Path(tempfile.mkdtemp(prefix="slurm")))
    slurm.start()
    try:
        yield slurm
    finally:
        slurm.stop()
        shutil.rmtree(slurm.folder, ignore_errors=True)
