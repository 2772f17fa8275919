"""Atomic file writing and file locks: a file is either complete or absent."""

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

_held_locks: list[IO[str]] = []
_LOCK, _REPLACED = ".lock", "replaced"
_MIN_SCRATCH_AGE_S = 60.0
_DISK_FULL_BYTES = 1 << 16


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Create or replace a file or folder atomically.

    The block writes a file or a folder at the temporary path, which replaces `path` when the block succeeds. If it
    raises, the temporary path is removed. Leftovers of a killed process are removed by the next write to `path`.

    Args:
        path: file or folder to create or replace.

    Yields:
        A temporary path with the same suffix, in the same folder so that the final rename stays on one file system.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as scratch:
        temporary = Path(scratch) / path.name
        with _locked_scratch(Path(scratch)):
            try:
                yield temporary
            except OSError as error:
                raise _with_reason(error, path) from error
            if temporary.is_dir() and path.is_dir():
                path.rename(Path(scratch) / _REPLACED)  # a rename cannot replace a folder that is not empty
            try:
                temporary.replace(path)
            except IsADirectoryError:
                raise UserError("is a folder", path, "name a file") from None


@contextmanager
def _locked_scratch(scratch: Path) -> Iterator[None]:
    """Hold a lock in a scratch folder while it is in use; file systems without locks are tolerated."""
    with (scratch / _LOCK).open("wb") as lock:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _remove_abandoned(path: Path) -> None:
    """Remove scratch folders of this path whose process has ended; first restore a folder that was being replaced."""
    for scratch in path.parent.glob(f".{glob.escape(path.name)}.????????"):
        if not _is_abandoned(scratch, path):
            continue
        if (scratch / _REPLACED).exists() and not path.exists():
            (scratch / _REPLACED).rename(path)
        shutil.rmtree(scratch, ignore_errors=True)


def _is_abandoned(scratch: Path, path: Path) -> bool:
    """Whether a scratch folder is old and unlocked, and contains only what this module puts there."""
    try:
        age_s = time.time() - scratch.stat().st_mtime
        if {entry.name for entry in scratch.iterdir()} - {_LOCK, _REPLACED, path.name}:
            return False
        with (scratch / _LOCK).open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # it is locked, removed or not ours, or the file system has no locks
        return False
    # A new folder is unlocked for a moment between its creation and its locking.
    return age_s > _MIN_SCRATCH_AGE_S


def _with_reason(error: OSError, path: Path) -> OSError:
    """Add the reason and the file to an error; NumPy and rasterio omit both, especially if the disk is full."""
    if error.errno is None and type(error) is not OSError:
        return error  # such as an HTTP error, whose message is complete
    if error.errno is None:
        state = os.statvfs(path.parent)
        if state.f_bavail * state.f_frsize < _DISK_FULL_BYTES:
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return OSError(errno.EIO, " ".join(map(str, error.args)) or "it cannot be written", str(path))
    error.filename = error.filename or str(path)
    return error


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256(path: Path) -> str:
    """Return the SHA-256 checksum of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(lock: Path, what: Path) -> Iterator[None]:
    """Hold a lock file while the block runs, and remove it afterwards.

    Args:
        lock: the lock file.
        what: file that the lock protects, for error messages.

    Raises:
        UserError: if another process holds the lock, or the file system has no locks.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    while True:
        holder = lock.open("a+", encoding="utf-8")
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The previous holder may have removed the file after it was opened here and before it was locked.
            if os.path.samestat(os.fstat(holder.fileno()), lock.stat()):
                break
        except FileNotFoundError:
            pass
        except BlockingIOError:
            holder.seek(0)
            owner = holder.read() or "another process"
            holder.close()
            raise UserError(f"{owner} is writing it", what, "wait until it ends, or choose another output") from None
        except OSError as error:
            holder.close()
            raise _no_locks(error, what) from None
        holder.close()
    try:
        _write_holder(holder)
        yield
    finally:
        lock.unlink(missing_ok=True)
        holder.close()


def _write_holder(holder: IO[str]) -> None:
    """Write the holder's process ID and host into its lock file."""
    holder.truncate(0)
    holder.write(f"process {os.getpid()} on {platform.node()}")
    holder.flush()


def _no_locks(error: OSError, path: Path) -> UserError:
    return UserError(
        f"its file system does not support file locks ({error.strerror})",
        path,
        "mount it with flock (Lustre: -o flock)",
    )


def hold(path: Path) -> bool:
    """Lock a file until this process ends, in whatever way it ends.

    Returns:
        True if this process now holds the lock. False if another process holds it, on this host or (NFS) another one;
        the file names that process.

    Raises:
        UserError: if the file system has no file locks.
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
    _write_holder(holder)
    _held_locks.append(holder)
    return True
