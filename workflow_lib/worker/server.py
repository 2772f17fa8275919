"""The warm worker: it imports each stage once, forks a process per job, and ends with its Snakemake."""

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
# How often new clients are tried again while no file descriptors are left.
_ACCEPT_RETRY_S = 0.05
_PR_SET_PDEATHSIG = 1
_PEER = struct.Struct("iII")  # process, user, group


class Server:
    """Accepts jobs until its Snakemake ends. No client can block or end it.

    Args:
        path: socket to listen on.
        owner: process ID of the worker's Snakemake.
    """

    def __init__(self, path: Path, owner: int) -> None:
        self._path = path
        self._owner = os.pidfd_open(owner)
        self._listener = socket.socket(socket.AF_UNIX)
        self._selector = selectors.DefaultSelector()
        self._clients: dict[int, socket.socket] = {}  # process ID of a job -> its client
        self._out_of_descriptors = False

    def serve(self) -> None:
        """Serve until the Snakemake ends; then kill the remaining jobs and return."""
        _raise_descriptor_limit()
        self._path.unlink(missing_ok=True)
        self._listener.bind(str(self._path))
        self._listener.listen(socket.SOMAXCONN)
        self._listener.setblocking(False)
        wake_receiver, wake_sender = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_sender)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for source, what in ((self._listener, "client"), (wake_receiver, "child"), (self._owner, "end")):
            self._selector.register(source, selectors.EVENT_READ, what)
        while True:
            for key, _ in self._selector.select(_ACCEPT_RETRY_S if self._out_of_descriptors else None):
                if key.data == "end":
                    self._finish()
                    return
                try:
                    self._handle(key, wake_receiver)
                except Exception:  # an error of one client must not affect the others
                    traceback.print_exc()
            if self._out_of_descriptors:
                self._out_of_descriptors = False
                self._selector.register(self._listener, selectors.EVENT_READ, "client")

    def _handle(self, key: selectors.SelectorKey, wake_receiver: int) -> None:
        source: Any = key.fileobj
        if key.data == "client":
            self._accept()
        elif key.data == "child":
            os.read(wake_receiver, 4096)
            self._reap()
        elif isinstance(key.data, Request):
            self._receive(source, key.data)
        else:
            # Clients send nothing after their request. A readable socket means that the client ended: kill its job.
            self._selector.unregister(source)
            if key.data in self._clients:
                _kill(key.data)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:  # no file descriptors are left: clients wait in the queue until some are free
            self._selector.unregister(self._listener)
            self._out_of_descriptors = True
            return
        client.setblocking(False)
        self._selector.register(client, selectors.EVENT_READ, Request())

    def _receive(self, client: socket.socket, request: Request) -> None:
        try:
            complete = request.read(client)
        except (OSError, ValueError) as error:
            self._drop(client, request, error)
            return
        if complete:
            self._selector.unregister(client)
            self._start_job(client, request)

    def _drop(self, client: socket.socket, request: Request, error: Exception) -> None:
        print(f"rejected a client: {error!r}", file=sys.stderr, flush=True)
        with contextlib.suppress(KeyError):
            self._selector.unregister(client)
        request.close()
        client.close()

    def _start_job(self, client: socket.socket, pending: Request) -> None:
        """Start a client's job; reject clients that violate the protocol or belong to another user."""
        job = 0
        try:
            peer, user, _ = _PEER.unpack(client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
            if not peer or user != os.getuid():  # a process ID of 0: the client is in another container
                raise ValueError("the client belongs to another user or container")
            request = pending.parse()
            stage = _import_stage(request["stage"])
            worker = os.getpid()
            job = os.fork()
            if job == 0:
                self._close_inherited(pending)
                _run_job(stage, request, pending.streams, worker)
            self._clients[job] = client
            self._selector.register(client, selectors.EVENT_READ, job)
            client.send(struct.pack("!i", job))
        except Exception as error:
            if job:
                _kill(job)  # its client does not know of it
            else:
                self._drop(client, pending, error)
        finally:
            pending.close()

    def _close_inherited(self, request: Request) -> None:
        """In a job's process, close the descriptors of the server and of all clients, except the job's own streams."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        others = [key for key in self._selector.get_map().values() if isinstance(key.data, Request)]
        self._selector.close()
        self._listener.close()
        os.close(self._owner)
        for key in others:
            waiting: Any = key.fileobj
            waiting.close()
            if key.data is not request:
                key.data.close()
        for client in self._clients.values():
            client.close()

    def _reap(self) -> None:
        """Collect ended jobs and send their exit codes to the clients."""
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
            with contextlib.suppress(OSError):  # the client has already ended
                client.send(struct.pack("!i", code if code >= 0 else 128 - code))
            client.close()

    def _finish(self) -> None:
        for job in self._clients:
            _kill(job)
        for suffix in (".sock", ".sock.lock", ".sock.log"):
            self._path.with_suffix(suffix).unlink(missing_ok=True)


def _import_stage(name: str) -> Any:
    """Import a stage for all later jobs. If that fails, return None; the job then repeats the import and logs why."""
    if not name.startswith(_STAGES):
        raise ValueError(name)
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit):
        return None
    # Exclude imported objects from garbage collection, which would copy their memory pages in every job.
    gc.freeze()
    return module


def _run_job(stage: Any, request: dict[str, Any], streams: list[int], worker: int) -> None:
    """Run a stage in this forked process as a new interpreter would, and end the process."""
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
    """Let the kernel kill this job when the worker ends, because its client then reports the job as failed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != worker:  # the worker ended before the call
        os._exit(1)


def _raise_descriptor_limit() -> None:
    """Raise the limit of file descriptors to the maximum; each client uses four while it sends its request."""
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


def _kill(job: int) -> None:
    """Kill a job and the processes it started, or the job alone if it has no process group of its own yet."""
    for kill in (os.killpg, os.kill):
        try:
            kill(job, signal.SIGKILL)
        except ProcessLookupError:
            continue
        return


def main() -> None:
    """Serve the Snakemake given on the command line."""
    path, owner = sys.argv[1:]
    Server(Path(path), int(owner)).serve()


if __name__ == "__main__":
    main()
