"""Files that are either whole or absent."""

import fcntl
import hashlib
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from workflow_lib.core.errors import UserError

_held: list[IO[str]] = []


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its place if the block ends well.

    The temporary may be written as a file or made a folder; nothing of it is left behind when the block raises.

    Args:
        path: the file or folder to create or replace.

    Yields:
        A path in the same folder (so the final rename stays on one file system), with the same suffix.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as scratch:
        temporary = Path(scratch) / path.name
        try:
            yield temporary
        except OSError as error:
            # A full disk is reported without the file's name.
            error.filename = error.filename or str(path)
            raise
        if temporary.is_dir() and path.is_dir():
            path.rename(Path(scratch) / "replaced")  # a folder cannot be replaced in one step
        temporary.replace(path)


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
