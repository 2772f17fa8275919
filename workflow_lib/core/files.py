"""Files that are either whole or absent."""

import errno
import fcntl
import glob
import hashlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from workflow_lib.core.errors import UserError

_held: list[IO[str]] = []
_LOCK, _REPLACED = ".lock", "replaced"
_LEAST_AGE_S = 60.0
_FULL_BYTES = 1 << 16


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its place if the block ends well.

    The temporary may be written as a file or made a folder; nothing of it is left behind when the block raises. What a
    killed process left behind is removed when the next one writes into the same folder.

    Args:
        path: the file or folder to create or replace.

    Yields:
        A path in the same folder (so the final rename stays on one file system), with the same suffix.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as scratch:
        temporary = Path(scratch) / path.name
        with _locked_scratch(Path(scratch)):
            try:
                yield temporary
            except OSError as error:
                raise _with_reason(error, path) from error
            if temporary.is_dir() and path.is_dir():
                path.rename(Path(scratch) / _REPLACED)  # a folder cannot be replaced in one step
            try:
                temporary.replace(path)
            except IsADirectoryError:
                raise UserError("is a folder", path, "name a file") from None


@contextmanager
def _locked_scratch(scratch: Path) -> Iterator[None]:
    """Hold a lock in a scratch folder while it is in use; where there are no locks, its age must do."""
    with (scratch / _LOCK).open("wb") as lock:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _sweep(path: Path) -> None:
    """Remove scratch folders of this path whose process is gone; a folder that was being replaced comes back first."""
    for scratch in path.parent.glob(f".{glob.escape(path.name)}.????????"):
        if not _is_abandoned(scratch, path):
            continue
        if (scratch / _REPLACED).exists() and not path.exists():
            (scratch / _REPLACED).rename(path)
        shutil.rmtree(scratch, ignore_errors=True)


def _is_abandoned(scratch: Path, path: Path) -> bool:
    """Whether nobody holds a scratch folder's lock, and it holds nothing that this module did not put there."""
    try:
        age_s = time.time() - scratch.stat().st_mtime
        if {entry.name for entry in scratch.iterdir()} - {_LOCK, _REPLACED, path.name}:
            return False
        with (scratch / _LOCK).open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # it is held, gone or not ours; or there are no locks here
        return False
    # Between making the folder and locking it there is a moment.
    return age_s > _LEAST_AGE_S


def _with_reason(error: OSError, path: Path) -> OSError:
    """The same error with a reason and a file: NumPy and rasterio leave both out, of a full disk above all."""
    if error.errno is None and type(error) is not OSError:
        return error  # such as an HTTP error, which says what it is
    if error.errno is None:
        state = os.statvfs(path.parent)
        if state.f_bavail * state.f_frsize < _FULL_BYTES:
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return OSError(errno.EIO, " ".join(map(str, error.args)) or "it cannot be written", str(path))
    error.filename = error.filename or str(path)
    return error


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256(path: Path) -> str:
    """Checksum of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(lock: Path, what: Path) -> Iterator[None]:
    """Hold a lock file while the block runs; it is removed afterwards.

    Args:
        lock: the lock file.
        what: the file that it protects, for messages.

    Raises:
        UserError: if another process holds it, or the file system has no locks.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    while True:
        holder = lock.open("a+", encoding="utf-8")
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The last holder may have removed the file between opening and locking it.
            if os.path.samestat(os.fstat(holder.fileno()), lock.stat()):
                break
        except FileNotFoundError:
            pass
        except BlockingIOError:
            holder.seek(0)
            owner = holder.read() or "another process"
            holder.close()
            raise UserError(f"{owner} writes it", what, "wait for its end, or name another output") from None
        except OSError as error:
            holder.close()
            raise _no_locks(error, what) from None
        holder.close()
    try:
        _sign(holder)
        yield
    finally:
        lock.unlink(missing_ok=True)
        holder.close()


def _sign(holder: IO[str]) -> None:
    """Write into a lock file who holds it."""
    holder.truncate(0)
    holder.write(f"process {os.getpid()} on {platform.node()}")
    holder.flush()


def _no_locks(error: OSError, path: Path) -> UserError:
    return UserError(
        f"its file system locks no files ({error.strerror})", path, "mount it with flock (Lustre: -o flock)"
    )


def hold(path: Path) -> bool:
    """Lock a file for as long as this process lives, however it ends.

    Returns:
        Whether it is locked now; False if another process, on this host or (NFS) another, holds it and is named in it.

    Raises:
        UserError: if the file system has no such locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder.close()
        return False
    except OSError as error:
        raise _no_locks(error, path) from None
    _sign(holder)
    _held.append(holder)
    return True
