"""Run a stage in the worker of this Snakemake, which is started if there is none.

Started by every job, so it imports little: `python -I -S client.py -m workflow_lib.stages.NAME ...` is, but for its
start-up, `python -m workflow_lib.stages.NAME ...`. The worker forks a process for the job, which gets this process's
standard streams, folder, environment and limits; its exit code becomes this one's. What ends this process ends it.
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
"""Environment variable: process ID of the Snakemake whose worker is wanted."""

_START_S = 60
_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]


def socket_path(owner: int) -> str:
    """Where the worker of a Snakemake listens, in a folder that nobody else can enter.

    Raises:
        OSError: if the folder is another user's, or open to others.
    """
    folder = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"edgefront-{os.getuid()}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    found = os.lstat(folder)
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077 or not stat.S_ISDIR(found.st_mode):
        raise PermissionError(f"{folder} is another user's or open to others; remove it, or set TMPDIR")
    return os.path.join(folder, f"{owner}-{zlib.crc32(identity(owner).encode()):08x}.sock")


def identity(owner: int) -> str:
    """What tells a Snakemake from all others, also in other containers and after a restart: its number does not.

    Raises:
        OSError: if there is no such process, or /proc cannot be read.
    """
    with open(f"/proc/{owner}/stat") as file:
        started = file.read().rpartition(")")[2].split()[19]  # field 22: clock ticks since the machine's start
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot = file.read().strip()
    spaces = [os.stat(f"/proc/self/ns/{name}").st_ino for name in ("pid", "mnt")]
    return f"{boot} {spaces} {owner} {started} {sys.executable}"


def connect(path: str, owner: int) -> socket.socket:
    """Connect to the worker; start it if nobody listens.

    Raises:
        OSError: if it cannot be started.
    """
    connection = socket.socket(socket.AF_UNIX)
    if connection.connect_ex(path) == 0:
        return connection
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        end, server = time.monotonic() + _START_S, None
        while (failure := connection.connect_ex(path)) != 0:
            server = server or _start(path, owner)
            if server.poll() is not None or time.monotonic() > end:
                raise OSError(failure, f"the warm worker does not start (exit code {server.poll()}, see {path}.log)")
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
    """Have the worker run a stage.

    Returns:
        Its exit code; 128 and the signal's number if a signal ended it.

    Raises:
        RefusedError: if the worker did not start the job.
        ConnectionError: if the worker is gone, and the job with it.
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
    # A signal that comes before its handler would end this process and not the job.
    signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    try:
        connection.sendmsg([struct.pack("!I", len(content))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        connection.sendall(content)
        (job,) = struct.unpack("!i", _receive(connection, 4))
        for number in _PASSED_ON:
            signal.signal(number, lambda number, _: _pass_on(job, number))
    except OSError as error:
        raise RefusedError(str(error)) from None
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
    (code,) = struct.unpack("!i", _receive(connection, 4))
    return int(code)


class RefusedError(Exception):
    """The worker did not start the job."""


def _pass_on(job: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.kill(job, number)


def _receive(connection: socket.socket, length: int) -> bytes:
    content = b""
    while len(content) < length:
        part = connection.recv(length - len(content))
        if not part:
            raise ConnectionError("the warm worker is gone")
        content += part
    return content


def main() -> None:
    """Run a stage warm, or plainly where no worker can be had."""
    arguments = sys.argv[1:]
    try:
        owner = int(os.environ[OWNER])
        connection = connect(socket_path(owner), owner)
    except (OSError, KeyError, ValueError) as error:
        print(f"warning: no warm worker ({error}); this job starts on its own", file=sys.stderr, flush=True)
        os.execv(sys.executable, [sys.executable, *arguments])
    try:
        code = run(connection, arguments)
    except RefusedError as error:
        print(
            f"warning: the warm worker did not take the job ({error}); it starts on its own",
            file=sys.stderr,
            flush=True,
        )
        os.execv(sys.executable, [sys.executable, *arguments])
    except ConnectionError as error:
        print(f"error: {error}; the job died with it, run it again", file=sys.stderr)
        code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()
