"""Warm workers: a job that goes through one ends as it would on its own, and nothing outlives its Snakemake."""

import array
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from latency_files import write_latency
from stage_runs import ENVIRONMENT, PROJECT, assert_refused, command, files_under, run

from workflow_lib.latency.latency_tables import LATENCIES
from workflow_lib.worker import client

CLIENT = PROJECT / "workflow_lib" / "worker" / "client.py"
NO_WORKER = "this job runs in a new process"


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.01)


@dataclass
class Owner:
    """A process that stands for Snakemake, and a short folder for the socket."""

    process: subprocess.Popen[bytes]
    folder: Path
    jobs: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return ENVIRONMENT | {"EDGEFRONT_WORKER": str(self.process.pid), "TMPDIR": str(self.folder)}

    def processes(self) -> list[psutil.Process]:
        """The worker and its jobs, by the folder that stands in their command line."""
        found = []
        for process in psutil.process_iter():
            try:
                line = process.cmdline()
            except psutil.Error:
                continue
            if "workflow_lib.worker.server" in line and any(part.startswith(str(self.folder)) for part in line):
                found.append(process)
        return sorted(found, key=lambda process: process.create_time())

    def waiting_job(self) -> subprocess.Popen[bytes]:
        """A job that waits for paths on its standard input."""
        before = len(self.processes())
        job = subprocess.Popen(
            warm("gather_table", "--table=latencies", f"--output={self.folder}/whole.parquet"),
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment, cwd=self.folder,
        )  # fmt: skip
        self.jobs.append(job)
        wait_until(lambda: len(self.processes()) > max(before, 1), "a job's process")
        return job


def warm(stage: str, *flags: str | Path) -> list[str]:
    """What the shell function of workflow/session.py makes of a stage's command."""
    interpreter, *arguments = command(stage, *flags)
    return [interpreter, "-I", "-S", str(CLIENT), *arguments]


@pytest.fixture
def owner() -> Iterator[Owner]:
    folder = Path(tempfile.mkdtemp(prefix="w"))
    with subprocess.Popen(["sleep", "600"]) as process:
        owner = Owner(process, folder)
        yield owner
        process.kill()
        for job in owner.jobs:
            job.kill()
            job.communicate()
    wait_until(lambda: not owner.processes(), "the end of worker and jobs")
    shutil.rmtree(folder)


def test_a_job_ends_as_on_its_own(owner: Owner, tmp_path: Path) -> None:
    part = write_latency(tmp_path / "a part.parquet")
    flags = ["--table=latencies", "--output=whole.parquet"]
    assert run(warm("gather_table", *flags), tmp_path, f"{part}\n".encode(), owner.environment).code == 0
    assert LATENCIES.read(tmp_path / "whole.parquet")["device"].tolist() == ["board"]
    refused = run(warm("gather_table", *flags), tmp_path, b"", owner.environment)
    assert_refused(refused, "no paths on standard input")
    helped = run(warm("gather_table", "--help"), tmp_path, b"", owner.environment)
    assert helped.code == 0
    assert "one per line" in helped.output or "--table" in helped.output
    assert run(warm("gather_table", "--tabel=x"), tmp_path, b"", owner.environment).code == 2
    assert len(owner.processes()) == 1, "one worker ran them all"


def test_an_unknown_stage_is_python_s_own_error(owner: Owner, tmp_path: Path) -> None:
    result = run(warm("no_such_stage"), tmp_path, b"", owner.environment)
    assert result.code == 1
    assert "No module named" in result.lines[-1]


def test_folder_mask_limits_and_environment_are_the_job_s(owner: Owner, tmp_path: Path) -> None:
    """The first job's would stay with the worker, if they were taken over at its start alone."""
    for name, mask in (("one", 0o022), ("two", 0o077)):
        folder = tmp_path / name
        folder.mkdir()
        write_latency(folder / "part.parquet", name)
        result = run(
            warm("gather_table", "--table=latencies", "--output=whole.parquet"),
            folder,
            b"part.parquet\n",
            owner.environment,
            before=lambda mask=mask: os.umask(mask) and None,
        )
        assert result.code == 0, result.lines
        assert LATENCIES.read(folder / "whole.parquet")["device"].tolist() == [name]
        assert (folder / "whole.parquet").stat().st_mode & 0o777 == 0o666 & ~mask
    result = run(
        warm("gather_table", "--table=latencies", "--output=big.parquet"),
        tmp_path / "one",
        b"part.parquet\n",
        owner.environment,
        before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
    )
    assert_refused(result, "File too large")
    assert files_under(tmp_path / "one") == ["part.parquet", "whole.parquet"]


def test_jobs_run_side_by_side(owner: Owner) -> None:
    jobs = [owner.waiting_job() for _ in range(3)]
    assert len(owner.processes()) == 4
    for job in reversed(jobs):
        assert b"no paths" in job.communicate(b"\n", timeout=20)[1]
        assert job.returncode == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_ends_the_client_ends_the_job(number: signal.Signals, owner: Owner) -> None:
    job = owner.waiting_job()
    job.send_signal(number)
    code = job.wait(timeout=20)
    assert code == (128 + number if number == signal.SIGTERM else -number)
    wait_until(lambda: len(owner.processes()) == 1, "the end of the job alone")


def test_a_killed_worker_fails_its_job_and_the_next_starts_another(owner: Owner) -> None:
    job = owner.waiting_job()
    owner.processes()[0].kill()
    assert job.wait(timeout=20) == 1
    wait_until(lambda: not owner.processes(), "the end of the orphaned job")
    assert b"warm worker has ended" in job.communicate()[1]
    owner.waiting_job()
    assert len(owner.processes()) == 2


def test_a_killed_snakemake_leaves_nothing(owner: Owner) -> None:
    job = owner.waiting_job()
    owner.process.kill()
    owner.process.wait()
    wait_until(lambda: not owner.processes(), "the end of worker and job")
    assert job.wait(timeout=20) != 0
    assert [path for path in files_under(owner.folder) if "." in path] == []


def test_a_killed_job_is_told_by_its_signal(owner: Owner) -> None:
    job = owner.waiting_job()
    owner.processes()[-1].kill()
    assert job.wait(timeout=20) == 128 + signal.SIGKILL


def test_without_a_safe_folder_a_job_runs_plainly(owner: Owner, tmp_path: Path) -> None:
    folder = owner.folder / f"edgefront-{os.getuid()}"
    folder.mkdir(mode=0o755)
    result = run(warm("gather_table", "--table=latencies", "--output=x"), tmp_path, b"", owner.environment)
    assert result.code == 2
    assert NO_WORKER in result.lines[0]
    assert "open to others" in result.lines[0]
    assert "no paths" in result.lines[1]
    assert owner.processes() == []


def test_a_worker_that_cannot_start_says_where_its_log_is(owner: Owner, tmp_path: Path) -> None:
    environment = owner.environment | {"PYTHONPATH": str(tmp_path)}
    result = run(warm("gather_table", "--help"), tmp_path, b"", environment)
    assert NO_WORKER in result.lines[0]
    (log,) = re.findall(r"see (\S+?)\)", result.lines[0])
    assert "No module named" in Path(log).read_text()


def test_two_first_jobs_start_one_worker(owner: Owner, tmp_path: Path) -> None:
    jobs = [
        subprocess.Popen(warm("gather_table", "--help"), stdout=subprocess.DEVNULL, env=owner.environment, cwd=tmp_path)
        for _ in range(4)
    ]
    assert [job.wait(timeout=60) for job in jobs] == [0] * 4
    assert len(owner.processes()) == 1


def test_the_client_imports_almost_nothing() -> None:
    """It is started by every job."""
    line = f"import runpy, sys; runpy.run_path({str(CLIENT)!r}); print(len(sys.modules))"
    counted = subprocess.run([sys.executable, "-I", "-S", "-c", line], capture_output=True, text=True, check=True)
    assert int(counted.stdout) < 90


@dataclass
class Attacker:
    """A client that does not keep to the protocol."""

    owner: Owner
    connections: list[socket.socket] = field(default_factory=list)

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(next(self.owner.folder.glob("edgefront-*/*.sock"))))
        connection.settimeout(20)
        self.connections.append(connection)
        return connection

    def send(self, content: bytes, streams: int = 3, length: int | None = None) -> socket.socket:
        connection = self.connect()
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2][:streams]))] if streams else []
        announced = struct.pack("!I", len(content) if length is None else length)
        connection.sendmsg([announced + content], rights)
        return connection


@pytest.fixture
def attacker(owner: Owner, tmp_path: Path) -> Iterator[Attacker]:
    assert_a_job_runs(owner, tmp_path)
    attacker = Attacker(owner)
    yield attacker
    for connection in attacker.connections:
        connection.close()


def assert_a_job_runs(owner: Owner, folder: Path) -> None:
    """In the warm worker, and within its time."""
    part = write_latency(folder / "part.parquet")
    job = run(
        warm("gather_table", "--table=latencies", "--output=whole.parquet"),
        folder,
        f"{part}\n".encode(),
        owner.environment,
    )
    assert job.code == 0, job.lines
    assert not any(NO_WORKER in line or "refused this job" in line for line in job.lines)


MALFORMED = {
    "no JSON": b"\xff\x00",
    "a list": b"[]",
    "a number as stage": b'{"stage": 7}',
    "nested without end": b"[" * 100_000,
    "no stage of ours": json.dumps(
        {"stage": "os", "arguments": [], "folder": "/", "environment": {}, "umask": 0, "limits": {}}
    ).encode(),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_is_dropped_alone(name: str, attacker: Attacker, tmp_path: Path) -> None:
    waiting = attacker.owner.waiting_job()
    (worker, *_) = attacker.owner.processes()
    assert attacker.send(MALFORMED[name]).recv(4) == b""
    assert_a_job_runs(attacker.owner, tmp_path)
    assert worker.is_running()
    assert waiting.poll() is None


@pytest.mark.parametrize("streams", [0, 1])
def test_a_client_without_its_streams_is_dropped(streams: int, attacker: Attacker, tmp_path: Path) -> None:
    assert attacker.send(b"{}", streams).recv(4) == b""
    assert_a_job_runs(attacker.owner, tmp_path)


def test_a_request_without_end_is_dropped(attacker: Attacker, tmp_path: Path) -> None:
    assert attacker.send(b"{}", length=1 << 31).recv(4) == b""
    assert_a_job_runs(attacker.owner, tmp_path)


def test_clients_that_stop_or_go_block_nobody(attacker: Attacker, tmp_path: Path) -> None:
    attacker.connect()  # and never a word
    attacker.send(b'{"stage": ', length=1000)  # and nothing more
    attacker.send(b'{"stage": ', length=1000).close()
    attacker.connect().close()
    waiting = attacker.owner.waiting_job()
    assert_a_job_runs(attacker.owner, tmp_path)
    assert waiting.poll() is None


def test_a_client_that_is_gone_when_its_job_ends(attacker: Attacker, tmp_path: Path) -> None:
    """Its job is killed, whenever that is; the worker and the other jobs go on."""
    other = attacker.owner.waiting_job()
    for _ in range(20):
        going = subprocess.Popen(
            warm("gather_table", "--table=latencies", f"--output={tmp_path}/never.parquet"),
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=attacker.owner.environment, cwd=tmp_path,
        )  # fmt: skip
        time.sleep(random.uniform(0, 0.15))
        going.kill()
        going.wait()
    assert_a_job_runs(attacker.owner, tmp_path)
    assert other.poll() is None


def test_without_descriptors_clients_wait(attacker: Attacker, tmp_path: Path) -> None:
    (worker,) = attacker.owner.processes()
    most = worker.rlimit(psutil.RLIMIT_NOFILE)
    used = worker.num_fds()
    worker.rlimit(psutil.RLIMIT_NOFILE, (used + 8, most[1]))
    crowd = [attacker.send(b"{", length=1000) for _ in range(10)]
    time.sleep(0.5)
    assert worker.is_running()
    for connection in crowd:
        connection.close()
    assert_a_job_runs(attacker.owner, tmp_path)


def test_the_same_number_in_another_container_is_another_snakemake(monkeypatch: pytest.MonkeyPatch) -> None:
    here = client.identity(os.getpid())
    assert here == client.identity(os.getpid())
    assert here != client.identity(os.getppid())
    real = os.stat

    def in_another(path: str, **options: object) -> os.stat_result:
        found = real(path, **options)  # type: ignore[arg-type]
        return os.stat_result([found[0], found.st_ino + 1, *found[2:]]) if "/ns/" in str(path) else found

    monkeypatch.setattr(client.os, "stat", in_another)
    assert client.identity(os.getpid()) != here
