"""Files that are either whole or absent."""

import errno
import fcntl
import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import atomic_path, hold, write_text


@contextmanager
def disk_full_beyond(size_bytes: int) -> Iterator[None]:
    """No file can grow beyond a size, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_block_that_ends_well_leaves_the_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.suffix == path.suffix
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_an_exception_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with disk_full_beyond(1000), pytest.raises(OSError, match="File too large") as caught:
        write_text(path, "new" * 1000)
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_takes_the_place_of_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "chips"
    (path / "deep").mkdir(parents=True)
    (path / "deep" / "old.tif").touch()
    with atomic_path(path) as temporary:
        temporary.mkdir()
        (temporary / "new.tif").touch()
        assert (path / "deep" / "old.tif").exists()
    assert [file.name for file in path.rglob("*")] == ["new.tif"]
    assert list(tmp_path.iterdir()) == [path]


def test_an_exception_leaves_the_old_folder(tmp_path: Path) -> None:
    path = tmp_path / "chips"
    path.mkdir()
    (path / "old.tif").touch()
    with pytest.raises(ZeroDivisionError), atomic_path(path) as temporary:
        temporary.mkdir()
        (temporary / "new.tif").touch()
        raise ZeroDivisionError
    assert [file.name for file in tmp_path.rglob("*")] == ["chips", "old.tif"]


def test_a_block_that_writes_nothing_is_an_error_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), atomic_path(path):
        pass
    assert path.read_text() == "old"


def test_text_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "± 5 µm\n")
    assert (tmp_path / "a.txt").read_bytes() == "± 5 µm\n".encode()


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Lustre mounted without flock, which is not here."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(
        UserError, match=r"run/\.lock: its file system does not support file locks \(Function not implemented\)"
    ):
        hold(tmp_path / "run" / ".lock")


def abandon(folder: Path, name: str, age_s: float = 100) -> Path:
    """What a killed process leaves of writing `name`."""
    scratch = folder / f".{name}.abcd1234"
    scratch.mkdir()
    (scratch / ".lock").touch()
    (scratch / name).write_text("half")
    then = time.time() - age_s
    os.utime(scratch, (then, then))
    return scratch


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    scratch = abandon(tmp_path, "a[1].txt")
    other = abandon(tmp_path, "b.txt")
    write_text(tmp_path / "a[1].txt", "whole")
    assert not scratch.exists()
    assert other.exists()


def test_what_is_or_may_be_in_use_is_left_alone(tmp_path: Path) -> None:
    young = abandon(tmp_path, "young.txt", age_s=5)
    held = abandon(tmp_path, "held.txt")
    foreign = abandon(tmp_path, "foreign.txt")
    (foreign / "mine.txt").write_text("mine")
    os.utime(foreign, (0, 0))
    with (held / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in ("young", "held", "foreign"):
            write_text(tmp_path / f"{name}.txt", "whole")
    assert young.exists() and held.exists() and (foreign / "mine.txt").exists()


def test_a_folder_that_was_being_replaced_comes_back(tmp_path: Path) -> None:
    scratch = abandon(tmp_path, "a")
    (scratch / "a").unlink()
    (scratch / "replaced").mkdir()
    (scratch / "replaced" / "old.txt").write_text("old")
    os.utime(scratch, (0, 0))
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "a"):
        raise ZeroDivisionError
    assert (tmp_path / "a" / "old.txt").read_text() == "old"


def test_an_error_without_a_reason_gets_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="10 requested and 5 written") as caught, atomic_path(tmp_path / "a.npy"):
        raise OSError("10 requested and 5 written")
    assert caught.value.errno == errno.EIO
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=1, f_frsize=4096))
    with pytest.raises(OSError, match="No space left on device") as caught, atomic_path(tmp_path / "a.npy"):
        raise OSError("10 requested and 5 written")
    assert caught.value.filename == str(tmp_path / "a.npy")
