"""The warm worker: imports each stage once, forks a process per job, and dies with its Snakemake."""

import array
import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import selectors
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from workflow_lib.core.running import run_stage

_STAGES = "workflow_lib.stages."
_STREAMS = 3
_PR_SET_PDEATHSIG = 1
_PEER = struct.Struct("iII")  # process, user, group


class Server:
    """Listens for jobs until its Snakemake ends."""

    def __init__(self, path: Path, owner: int) -> None:
        self._path = path
        self._owner = os.pidfd_open(owner)
        self._listener = socket.socket(socket.AF_UNIX)
        self._selector = selectors.DefaultSelector()
        self._clients: dict[int, socket.socket] = {}  # by the job's process

    def serve(self) -> None:
        """Serve until the Snakemake is gone; then kill what is left and go."""
        self._path.unlink(missing_ok=True)
        self._listener.bind(str(self._path))
        self._listener.listen(socket.SOMAXCONN)
        wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(woken)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for source, what in ((self._listener, "job"), (wake, "child"), (self._owner, "end")):
            self._selector.register(source, selectors.EVENT_READ, what)
        while True:
            for key, _ in self._selector.select():
                if key.data == "end":
                    self._finish()
                    return
                if key.data == "job":
                    self._take(self._listener.accept()[0])
                elif key.data == "child":
                    os.read(wake, 4096)
                    self._reap()
                else:
                    self._client_gone(key.data)

    def _take(self, client: socket.socket) -> None:
        """Start a client's job; one that does not speak this protocol, or is another user's, is dropped."""
        peer = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        if _PEER.unpack(peer)[1] != os.getuid():
            client.close()
            return
        streams: list[int] = []
        try:
            header, ancillary, _, _ = client.recvmsg(4, socket.CMSG_SPACE(_STREAMS * array.array("i").itemsize))
            for _, _, data in ancillary:
                streams += array.array("i", data[: _STREAMS * array.array("i").itemsize])
            request = _read_request(client, header)
            stage = _import_stage(request["stage"])
            job = os.fork()
        except (OSError, ValueError, KeyError, struct.error):
            client.close()
        else:
            if job == 0:
                self._leave()
                _run_job(stage, request, streams)
            self._clients[job] = client
            client.sendall(struct.pack("!i", job))
            self._selector.register(client, selectors.EVENT_READ, job)
        finally:
            for stream in streams:
                os.close(stream)

    def _leave(self) -> None:
        """Forget, in a job's process, all that is the server's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        self._listener.close()
        os.close(self._owner)
        for client in self._clients.values():
            client.close()

    def _reap(self) -> None:
        """Tell clients how their jobs ended."""
        while self._clients:
            job, status = os.waitpid(-1, os.WNOHANG)
            if not job:
                return
            client = self._clients.pop(job)
            self._selector.unregister(client)
            code = os.waitstatus_to_exitcode(status)
            with contextlib.suppress(OSError):  # it did not wait
                client.sendall(struct.pack("!i", code if code >= 0 else 128 - code))
            client.close()

    def _client_gone(self, job: int) -> None:
        """A client sends nothing more; that it can be read means that it is dead, and so shall its job be."""
        if job in self._clients:
            _kill(job)

    def _finish(self) -> None:
        for job in self._clients:
            _kill(job)
        for suffix in (".sock", ".sock.lock", ".sock.log"):
            self._path.with_suffix(suffix).unlink(missing_ok=True)


def _read_request(client: socket.socket, header: bytes) -> dict[str, Any]:
    (length,) = struct.unpack("!I", header)
    with client.makefile("rb") as stream:
        request: dict[str, Any] = json.loads(stream.read(length))
    return request


def _import_stage(name: str) -> Any:
    """Import a stage, for all jobs to come; a broken one breaks in its job, which says so in its log."""
    if not name.startswith(_STAGES):
        raise ValueError(name)
    try:
        module = importlib.import_module(name)
    except Exception:
        return None
    # What is imported stays: collecting it would copy its pages into every job.
    gc.freeze()
    return module


def _run_job(stage: Any, request: dict[str, Any], streams: list[int]) -> None:
    """Run a stage in this process as its own interpreter would, and end the process."""
    code = 1
    try:
        _die_with_parent()
        os.setpgid(0, 0)
        for target, stream in enumerate(streams):
            os.dup2(stream, target)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        os.umask(request["umask"])
        for limit, values in request["limits"].items():
            resource.setrlimit(int(limit), tuple(values))
        if stage is None:
            stage = importlib.import_module(request["stage"])
        sys.argv = [str(stage.__file__), *request["arguments"]]
        run_stage(stage.main)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for output in (sys.stdout, sys.stderr):
            try:
                output.flush()
            except OSError:
                code = code or 1
        os._exit(code)


def _die_with_parent() -> None:
    """Have the kernel kill this process when the worker ends: its client says that the job failed, so it must stop."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill(job: int) -> None:
    """Kill a job and what it started; before it has its own group, the job alone."""
    for kill in (os.killpg, os.kill):
        try:
            kill(job, signal.SIGKILL)
        except ProcessLookupError:
            continue
        return


def main() -> None:
    """Serve the Snakemake that is named on the command line."""
    path, owner = sys.argv[1:]
    Server(Path(path), int(owner)).serve()


if __name__ == "__main__":
    main()
