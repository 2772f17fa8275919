"""Files from outside the workflow: what a job reads, and whether that has changed since.

Snakemake compares inputs by their modification times. A file that is replaced by an older one (`cp -p`, `rsync -a`, a
restored backup), a sidecar beside a raster or a tile behind a VRT then goes unnoticed, and a time in the future makes
finished jobs fail. So files from outside are no inputs of rules. Each job that reads some first records them:

    python -m workflow_lib.core.external_files RECORD PATH...

and the next plan compares the record with the files. Only the standard library is needed, because every plan does it.
"""

import hashlib
import json
import os
import re
import shlex
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from glob import glob
from itertools import chain
from pathlib import Path

from workflow_lib.core.files import write_text

_VERSION = 2
# SQLite rewrites its shared-memory index on every read.
_VOLATILE_SUFFIX = "-shm"
_NO_RASTERS = (".gpkg", ".csv", ".json", ".geojson", ".zip", ".pkl", ".yaml")

State = tuple[int, int, int]


def named_files(pattern: str) -> list[str]:
    """The files that a name with `*` and `?` stands for, sorted; the name itself where there is none.

    Brackets are no pattern: they are common in names of files.
    """
    return sorted(glob(pattern.replace("[", "[[]"))) or [pattern]  # noqa: PTH207


def listed_files(paths: Iterable[str | Path]) -> list[str]:
    """List the files behind some paths, as far as names tell.

    Args:
        paths: files, folders and patterns; what does not exist is listed by its own name.

    Returns:
        All files in the folders at any depth, and the files with every file beside them that shares their stem:
        GDAL and SQLite read such sidecars (.aux.xml, .msk, .ovr, world files, -wal) without being asked.
    """
    found: set[str] = set()
    beside = cache(_names_by_beginning)
    for path in _named(paths):
        folder, name = os.path.split(path)
        if os.path.isdir(path):  # noqa: PTH112
            found.update(_files_below(path))
            continue
        found.add(path)
        for beginning in (f"{os.path.splitext(name)[0]}.", f"{name}-"):  # noqa: PTH122
            found.update(os.path.join(folder, other) for other in beside(folder).get(beginning, ()))  # noqa: PTH118
    return sorted(name for name in found if not name.endswith(_VOLATILE_SUFFIX))


def record_files(record: Path, paths: Sequence[str | Path]) -> None:
    """Write down the size, times and content of every file that a job is about to read.

    Args:
        record: JSON file to write.
        paths: as for `listed_files`; of rasters that are no part of a folder, also the files that GDAL reads with them,
            such as the tiles behind a VRT, are recorded.
    """
    behind = sorted(files_gdal_reads(filter(_may_be_raster, _named(paths))))
    files = {}
    for name in listed_files([*paths, *behind]):
        # The state comes first: a file that changes while it is read differs from its record afterwards.
        state = state_of(name)
        files[name] = [*state, _digest(name)] if state else None
    write_text(record, json.dumps({"version": _VERSION, "behind": behind, "files": files}))


def have_changed(record: Path, paths: Sequence[str | Path]) -> bool:
    """Compare files with what a job recorded when it read them.

    Contents are compared only where the size, or the modification or change time, differs: a change time cannot be
    set back, so equal times mean an equal file.

    Args:
        record: what `record_files` wrote; if it is missing or unreadable, the files count as changed.
        paths: as they are passed to the job now.
    """
    try:
        text = record.read_text(encoding="utf-8")
        recorded = json.loads(text)
        behind, files = recorded["behind"], recorded["files"]
        if recorded["version"] != _VERSION or files.keys() != set(listed_files([*paths, *behind])):
            return True
        changed = any(_differs(name, entry) for name, entry in files.items())
        if not changed and (updated := json.dumps(recorded)) != text:
            with suppress(OSError):  # it only saves the next plan from reading the same content
                write_text(record, updated)
        return changed
    except (OSError, ValueError, KeyError, TypeError):
        return True


def _named(paths: Iterable[str | Path]) -> Iterator[str]:
    return chain.from_iterable(named_files(str(path)) for path in paths)


def _differs(name: str, entry: list[object] | None) -> bool:
    """Compare a file with its entry; equal content under other times gives the entry these times."""
    state = state_of(name)
    if state is None or entry is None:
        return (state is None) != (entry is None)
    *recorded, digest = entry
    if list(state) == recorded:
        return False
    if state[0] != recorded[0] or _digest(name) != digest:
        return True
    entry[:-1] = state
    return False


def state_of(name: str) -> State | None:
    """Size in bytes, modification time and change time in nanoseconds; None: there is no such file."""
    try:
        status = os.stat(name)  # noqa: PTH116
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _digest(name: str) -> str:
    """SHA-256 of a file; of one that cannot be read, why. Its stage tells the user."""
    try:
        with open(name, "rb") as file:  # noqa: PTH123
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"


def _files_below(folder: str) -> list[str]:
    return [os.path.join(parent, name) for parent, _, names in os.walk(folder, followlinks=True) for name in names]  # noqa: PTH118


def _names_by_beginning(folder: str) -> dict[str, list[str]]:
    """The names in a folder by all that they begin with up to a dot or a hyphen."""
    found: dict[str, list[str]] = defaultdict(list)
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208
    except OSError:
        return found
    for name in names:
        for mark in re.finditer("[.-]", name):
            found[name[: mark.end()]].append(name)
    return found


def _may_be_raster(path: str) -> bool:
    """Whether GDAL is asked about a file: it need not open points, tables and packages."""
    return os.path.isfile(path) and not path.lower().endswith(_NO_RASTERS)  # noqa: PTH113


def files_gdal_reads(paths: Iterable[str]) -> set[str]:
    """All files that GDAL opens for these rasters, themselves among them, through any number of VRTs."""
    try:
        import rasterio
    except ImportError:  # the environments that read no rasters
        return set()
    found: set[str] = set()
    waiting = list(paths)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            with rasterio.open(name) as raster:
                waiting += raster.files
        except (rasterio.errors.RasterioError, OSError, ValueError):
            continue
    return {name for name in found if not name.endswith(_VOLATILE_SUFFIX)}


def external_command(record: Path, paths: Sequence[str]) -> str:
    """The start of a shell command that writes a record of external files; empty if there are none.

    Args:
        record: the file to write.
        paths: files, folders and patterns.
    """
    words = ["python", "-m", "workflow_lib.core.external_files", str(record), *paths]
    return f"{shlex.join(words)} && " if paths else ""


if __name__ == "__main__":
    record_files(Path(sys.argv[1]), sys.argv[2:])
