"""Run a stage in the worker process of this Snakemake, and start the worker if there is none.

`python -I -S client.py -m workflow_lib.stages.NAME ...` does the same as `python -m workflow_lib.stages.NAME ...`, but
starts faster. Every job runs this module, so it imports little. The worker forks a process for the job, with the
standard streams, folder, environment and limits of this process. This process exits with the job's exit code, and the
job ends when this process is ended.
"""

import array
import contextlib
import fcntl
import json
import os
import resource
import signal
import socket
import stat
import struct
import sys
import time
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

OWNER = "EDGEFRONT_WORKER"
"""Environment variable with the process ID of the Snakemake whose worker runs the job."""

_START_TIMEOUT_S = 60
_FORWARDED_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]


def socket_path(owner: int) -> str:
    """Return the path of a worker's socket, in a folder that only this user can enter.

    Args:
        owner: process ID of the worker's Snakemake.

    Raises:
        OSError: if the folder belongs to another user or is open to others.
    """
    folder = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"edgefront-{os.getuid()}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    found = os.lstat(folder)
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077 or not stat.S_ISDIR(found.st_mode):
        raise PermissionError(f"{folder} belongs to another user or is open to others; remove it, or set TMPDIR")
    return os.path.join(folder, f"{owner}-{zlib.crc32(identity(owner).encode()):08x}.sock")


def identity(owner: int) -> str:
    """Identify a Snakemake uniquely, also across containers and reboots, which its process ID alone does not.

    Args:
        owner: process ID of the Snakemake.

    Raises:
        OSError: if there is no such process, or /proc cannot be read.
    """
    with open(f"/proc/{owner}/stat") as file:
        started = file.read().rpartition(")")[2].split()[19]  # field 22: start time in clock ticks after boot
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot = file.read().strip()
    spaces = [os.stat(f"/proc/self/ns/{name}").st_ino for name in ("pid", "mnt")]
    return f"{boot} {spaces} {owner} {started} {sys.executable}"


def connect(path: str, owner: int) -> socket.socket:
    """Connect to the worker; start it if it does not run.

    Args:
        path: socket of the worker.
        owner: process ID of the worker's Snakemake.

    Raises:
        OSError: if the worker cannot be started.
    """
    connection = socket.socket(socket.AF_UNIX)
    if connection.connect_ex(path) == 0:
        return connection
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        end, server = time.monotonic() + _START_TIMEOUT_S, None
        while (failure := connection.connect_ex(path)) != 0:
            server = server or _start(path, owner)
            if server.poll() is not None or time.monotonic() > end:
                raise OSError(failure, f"the warm worker did not start (exit code {server.poll()}, see {path}.log)")
            time.sleep(0.005)
    return connection


def _start(path: str, owner: int) -> "subprocess.Popen[bytes]":
    import subprocess

    command = [sys.executable, "-m", "workflow_lib.worker.server", path, str(owner)]
    with open(f"{path}.log", "wb") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True
        )


def run(connection: socket.socket, arguments: list[str]) -> int:
    """Let the worker run a stage.

    Args:
        connection: a connection to the worker.
        arguments: "-m", the stage's module, and its command line.

    Returns:
        The job's exit code; 128 plus the signal number if a signal ended it.

    Raises:
        RefusedError: if the worker did not start the job.
        ConnectionError: if the worker ended, which ends the job too.
    """
    mask = os.umask(0o077)
    os.umask(mask)
    request = {
        "stage": arguments[1],
        "arguments": arguments[2:],
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "umask": mask,
        "limits": {limit: resource.getrlimit(limit) for limit in _LIMITS},
    }
    content = json.dumps(request).encode()
    streams = array.array("i", [0, 1, 2])
    # Block signals until their handlers are installed; an early signal would end this process but not the job.
    signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED_SIGNALS)
    try:
        connection.sendmsg([struct.pack("!I", len(content))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        connection.sendall(content)
        (job,) = struct.unpack("!i", _receive(connection, 4))
        for number in _FORWARDED_SIGNALS:
            signal.signal(number, lambda number, _: _forward_signal(job, number))
    except OSError as error:
        raise RefusedError(str(error)) from None
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED_SIGNALS)
    (code,) = struct.unpack("!i", _receive(connection, 4))
    return int(code)


class RefusedError(Exception):
    """The worker did not start the job."""


def _forward_signal(job: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # the job has just ended
        os.kill(job, number)


def _receive(connection: socket.socket, length: int) -> bytes:
    content = b""
    while len(content) < length:
        part = connection.recv(length - len(content))
        if not part:
            raise ConnectionError("the warm worker has ended")
        content += part
    return content


def main() -> None:
    """Run a stage in the worker, or in a new Python process if no worker is available."""
    arguments = sys.argv[1:]
    try:
        owner = int(os.environ[OWNER])
        connection = connect(socket_path(owner), owner)
    except (OSError, KeyError, ValueError) as error:
        print(
            f"warning: the warm worker is unavailable ({error}); this job runs in a new process",
            file=sys.stderr,
            flush=True,
        )
        os.execv(sys.executable, [sys.executable, *arguments])
    try:
        code = run(connection, arguments)
    except RefusedError as error:
        print(
            f"warning: the warm worker refused this job ({error}); it runs in a new process",
            file=sys.stderr,
            flush=True,
        )
        os.execv(sys.executable, [sys.executable, *arguments])
    except ConnectionError as error:
        print(f"error: {error}, and the job with it; run the same command again", file=sys.stderr)
        code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()
