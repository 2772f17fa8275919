"""The warm worker: imports each stage once, forks a process per job, and dies with its Snakemake."""

import contextlib
import ctypes
import gc
import importlib
import os
import resource
import selectors
import signal
import socket
import struct
import sys
import traceback
from pathlib import Path
from typing import Any

from workflow_lib.core.running import run_stage
from workflow_lib.worker.requests import Request

_STAGES = "workflow_lib.stages."
# How long new clients wait where no descriptors are left.
_AGAIN_S = 0.05
_PR_SET_PDEATHSIG = 1
_PEER = struct.Struct("iII")  # process, user, group


class Server:
    """Listens for jobs until its Snakemake ends. No client can block it or end it."""

    def __init__(self, path: Path, owner: int) -> None:
        self._path = path
        self._owner = os.pidfd_open(owner)
        self._listener = socket.socket(socket.AF_UNIX)
        self._selector = selectors.DefaultSelector()
        self._clients: dict[int, socket.socket] = {}  # by the job's process
        self._full = False

    def serve(self) -> None:
        """Serve until the Snakemake is gone; then kill what is left and go."""
        _raise_descriptor_limit()
        self._path.unlink(missing_ok=True)
        self._listener.bind(str(self._path))
        self._listener.listen(socket.SOMAXCONN)
        self._listener.setblocking(False)
        wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(woken)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for source, what in ((self._listener, "client"), (wake, "child"), (self._owner, "end")):
            self._selector.register(source, selectors.EVENT_READ, what)
        while True:
            for key, _ in self._selector.select(_AGAIN_S if self._full else None):
                if key.data == "end":
                    self._finish()
                    return
                try:
                    self._handle(key, wake)
                except Exception:  # one client's trouble is not the others'
                    traceback.print_exc()
            if self._full:
                self._full = False
                self._selector.register(self._listener, selectors.EVENT_READ, "client")

    def _handle(self, key: selectors.SelectorKey, wake: int) -> None:
        source: Any = key.fileobj
        if key.data == "client":
            self._accept()
        elif key.data == "child":
            os.read(wake, 4096)
            self._reap()
        elif isinstance(key.data, Request):
            self._receive(source, key.data)
        else:
            # A client sends nothing more; that it can be read means that it is dead, and so shall its job be.
            self._selector.unregister(source)
            if key.data in self._clients:
                _kill(key.data)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:  # no descriptors are left: clients wait in the queue until there are
            self._selector.unregister(self._listener)
            self._full = True
            return
        client.setblocking(False)
        self._selector.register(client, selectors.EVENT_READ, Request())

    def _receive(self, client: socket.socket, request: Request) -> None:
        try:
            whole = request.read(client)
        except (OSError, ValueError) as error:
            self._drop(client, request, error)
            return
        if whole:
            self._selector.unregister(client)
            self._take(client, request)

    def _drop(self, client: socket.socket, request: Request, why: Exception) -> None:
        print(f"a client was dropped: {why!r}", file=sys.stderr, flush=True)
        with contextlib.suppress(KeyError):
            self._selector.unregister(client)
        request.close()
        client.close()

    def _take(self, client: socket.socket, pending: Request) -> None:
        """Start a client's job; a client that does not speak this protocol, or is another user's, is dropped."""
        job = 0
        try:
            peer, user, _ = _PEER.unpack(client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
            if not peer or user != os.getuid():  # no process: of another container
                raise ValueError("it is another user's, or in another container")
            request = pending.parse()
            stage = _import_stage(request["stage"])
            worker = os.getpid()
            job = os.fork()
            if job == 0:
                self._leave(pending)
                _run_job(stage, request, pending.streams, worker)
            self._clients[job] = client
            self._selector.register(client, selectors.EVENT_READ, job)
            client.send(struct.pack("!i", job))
        except Exception as error:
            if job:
                _kill(job)  # nobody waits for it
            else:
                self._drop(client, pending, error)
        finally:
            pending.close()

    def _leave(self, own: Request) -> None:
        """Forget, in a job's process, all that is the server's and the other clients'."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        others = [key for key in self._selector.get_map().values() if isinstance(key.data, Request)]
        self._selector.close()
        self._listener.close()
        os.close(self._owner)
        for key in others:
            waiting: Any = key.fileobj
            waiting.close()
            if key.data is not own:
                key.data.close()
        for client in self._clients.values():
            client.close()

    def _reap(self) -> None:
        """Tell clients how their jobs ended."""
        while True:
            try:
                job, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not job:
                return
            client = self._clients.pop(job, None)
            if client is None:
                continue
            with contextlib.suppress(KeyError):
                self._selector.unregister(client)
            code = os.waitstatus_to_exitcode(status)
            with contextlib.suppress(OSError):  # it did not wait
                client.send(struct.pack("!i", code if code >= 0 else 128 - code))
            client.close()

    def _finish(self) -> None:
        for job in self._clients:
            _kill(job)
        for suffix in (".sock", ".sock.lock", ".sock.log"):
            self._path.with_suffix(suffix).unlink(missing_ok=True)


def _import_stage(name: str) -> Any:
    """Import a stage, for all jobs to come; a broken one breaks in its job, which says so in its log."""
    if not name.startswith(_STAGES):
        raise ValueError(name)
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit):
        return None
    # What is imported stays: collecting it would copy its pages into every job.
    gc.freeze()
    return module


def _run_job(stage: Any, request: dict[str, Any], streams: list[int], worker: int) -> None:
    """Run a stage in this process as its own interpreter would, and end the process."""
    code = 1
    try:
        _die_with_parent(worker)
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


def _die_with_parent(worker: int) -> None:
    """Have the kernel kill this process when the worker ends: its client says that the job failed, so it must stop."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != worker:  # it died before the kernel was asked
        os._exit(1)


def _raise_descriptor_limit() -> None:
    """Take as many descriptors as the system allows: each client has four while its request comes in."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


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
