"""A board reached by ssh: a real ssh server on the loopback address, and the real program that measures there."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from runs import command, snakemake, start, write_config

from workflow_lib.core.errors import UserError
from workflow_lib.devices.remote import RemoteConfig
from workflow_lib.devices.remote.transports import TRANSPORTS
from workflow_lib.latency.kernel_graphs import empty_graph

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
NEEDED = os.environ.get("EDGEFRONT_NEED_SSHD") == "1"
pytestmark = pytest.mark.skipif(
    not NEEDED and not (Path(SSHD).exists() and shutil.which("ssh") and os.geteuid() == 0),
    reason="needs ssh and sshd (Debian: openssh-server) and root",
)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Start a server with keys of its own; the configuration file of a client that may log in as `board`."""
    folder = tmp_path_factory.mktemp("board")
    Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = folder / "sshd_config"
    server.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\n"
        f"StrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\nPermitRootLogin yes\n"
    )
    client = folder / "ssh_config"
    client.write_text(
        f"Host board\n  HostName 127.0.0.1\n  Port {port}\n  User root\n  IdentityFile {folder}/user\n"
        f"  StrictHostKeyChecking no\n  UserKnownHostsFile {folder}/known\n  LogLevel ERROR\n"
    )
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(server)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if subprocess.run(["ssh", "-F", str(client), "board", "true"], capture_output=True).returncode == 0:
                break
            time.sleep(0.1)
        yield client
    finally:
        process.kill()
        process.wait()


def settings(board: Path, folder: Path, **values: object) -> dict[str, object]:
    return {
        "kind": "remote", "host": "board", "ssh_config": str(board), "python": sys.executable,
        "folder": str(folder / "on the board"), "attempts": 1, **values,
    }  # fmt: skip


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "empty.onnx"
    path.write_bytes(empty_graph().SerializeToString())
    return path


def test_a_board_measures_and_is_left_clean(board: Path, tmp_path: Path, model: Path) -> None:
    found = TRANSPORTS["ssh"](RemoteConfig.model_validate(settings(board, tmp_path)), model)
    assert 0 < found["latency_ms"] < 10
    assert found["runs"] >= 10
    left = [file.name for file in (tmp_path / "on the board").iterdir()]
    assert len(left) == 1 and left[0].startswith("runner-"), "the network is removed, the program stays"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"python": "/no/python3"}, r"failed on the board \(.*(not found|No such file).*\)"),
        ({"host": "nowhere.invalid"}, r"nowhere\.invalid: cannot be reached by ssh"),
        ({"folder": "/dev/full/x"}, "failed on the board"),
        ({"python": "/etc"}, r"failed on the board \(.*([Pp]ermission denied|[Ii]s a directory)"),
    ],
)
def test_a_board_that_fails(board: Path, tmp_path: Path, model: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        TRANSPORTS["ssh"](RemoteConfig.model_validate(settings(board, tmp_path) | changes), model)


def test_a_program_for_another_processor(board: Path, tmp_path: Path, model: Path) -> None:
    program = tmp_path / "python3"
    program.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(57))
    program.chmod(0o755)
    given = RemoteConfig.model_validate(settings(board, tmp_path, python=str(program)))
    with pytest.raises(UserError, match="built for another processor"):
        TRANSPORTS["ssh"](given, model)


def test_a_network_that_the_board_cannot_load(board: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    with pytest.raises(UserError, match="failed on the board"):
        TRANSPORTS["ssh"](RemoteConfig.model_validate(settings(board, tmp_path)), broken)


def test_a_run_that_is_killed_measures_nothing_twice(board: Path, tmp_path: Path) -> None:
    """The connection, the program on the board and the workflow are killed; the same command finishes."""
    counter = tmp_path / "python"
    counter.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nsleep 2\nexec {sys.executable} "$@"\n')
    counter.chmod(0o755)
    devices = {"board": settings(board, tmp_path, python=str(counter), attempts=4)}
    config = write_config(tmp_path / "remote.yaml", {"devices": devices})
    folder = tmp_path / "run"
    process = start([*command(folder, "latency", config=config)])
    killed = {"connection": f"ssh -F {board}", "runner": "runner-"}
    for name, pattern in killed.items():
        _wait_for(tmp_path / "calls", lines=1 + len(list((folder / "results").rglob("measure_remote/board/*.json"))))
        subprocess.run(["pkill", "-9", "-f", pattern], check=False)
        assert process.poll() is None, f"the workflow continues after its {name} was killed"
    _wait_for_file(folder)
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run(["pkill", "-9", "-f", f"--directory {folder}"], check=False)
    kept = {file.name: file.stat().st_mtime_ns for file in (folder / "results").rglob("measure_remote/board/*.json")}
    snakemake(folder, "--unlock", config=config)
    snakemake(folder, "latency", "--rerun-incomplete", config=config)
    measured = list((folder / "results").rglob("measure_remote/board/*.json"))
    assert len(measured) == 3, "two candidates and a baseline"
    assert kept and all(file.stat().st_mtime_ns == kept[file.name] for file in measured if file.name in kept)
    table = pd.read_parquet(folder / "results" / "tiny" / "gather_table" / "latencies.parquet")
    assert (table["latency_ms"] > 0).all() and len(table) == 3
    assert "Nothing to be done" in snakemake(folder, "latency", config=config)
    assert not list((tmp_path / "on the board").glob("*.onnx"))


def _wait_for(calls: Path, lines: int) -> None:
    for _ in range(600):
        if calls.exists() and len(calls.read_text().splitlines()) >= lines:
            return
        time.sleep(0.1)
    pytest.fail("the board was not called")


def _wait_for_file(folder: Path) -> None:
    for _ in range(600):
        if list((folder / "results").rglob("measure_remote/board/*.json")):
            return
        time.sleep(0.1)
    pytest.fail("nothing was measured")
