"""External files: which files from outside the workflow a job reads, and whether they have changed since.

Snakemake compares inputs by modification time. It would miss a file that is replaced by an older one (`cp -p`,
`rsync -a`, a restored backup), a changed sidecar of a raster, or a changed tile of a VRT. A modification time in the
future would make finished jobs fail. External files are therefore not inputs of rules. A job that reads some first
records them:

    python -m workflow_lib.core.external_files RECORD PATH...

The next plan compares the record with the files. Every plan imports this module, so it needs only the standard library.
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
# Ignored, because SQLite rewrites its shared-memory index on every read.
_VOLATILE_SUFFIX = "-shm"
_NON_RASTER_SUFFIXES = (".gpkg", ".csv", ".json", ".geojson", ".zip", ".pkl", ".yaml")

State = tuple[int, int, int]


def expand_pattern(pattern: str) -> list[str]:
    """Return the sorted files that match a pattern with `*` and `?`, or the pattern itself if no file matches.

    Brackets are taken literally, because they are common in file names.
    """
    return sorted(glob(pattern.replace("[", "[[]"))) or [pattern]  # noqa: PTH207


def files_with_sidecars(paths: Iterable[str | Path]) -> list[str]:
    """List all files that some paths refer to, including sidecar files.

    Args:
        paths: files, folders and patterns; a path that does not exist is listed as it is.

    Returns:
        All files below the folders at any depth, and the given files with every sibling that shares their stem. GDAL
        and SQLite read such sidecars (.aux.xml, .msk, .ovr, world files, -wal) automatically.
    """
    found: set[str] = set()
    siblings = cache(_names_by_prefix)
    for path in _expand_patterns(paths):
        folder, name = os.path.split(path)
        if os.path.isdir(path):  # noqa: PTH112
            found.update(_files_below(path))
            continue
        found.add(path)
        for prefix in (f"{os.path.splitext(name)[0]}.", f"{name}-"):  # noqa: PTH122
            found.update(os.path.join(folder, other) for other in siblings(folder).get(prefix, ()))  # noqa: PTH118
    return sorted(name for name in found if not name.endswith(_VOLATILE_SUFFIX))


def record_files(record: Path, paths: Sequence[str | Path]) -> None:
    """Record the size, times and checksum of every file that a job is about to read.

    Args:
        record: JSON file to write.
        paths: as for `files_with_sidecars`; for rasters that are given as files, the files that GDAL reads with them,
            such as the tiles of a VRT, are recorded too.
    """
    gdal_files = sorted(files_gdal_reads(filter(_may_be_raster, _expand_patterns(paths))))
    files = {}
    for name in files_with_sidecars([*paths, *gdal_files]):
        # Read the state first, so that a file that changes while it is hashed differs from its record afterwards.
        state = state_of(name)
        files[name] = [*state, digest_content(name)] if state else None
    write_text(record, json.dumps({"version": _VERSION, "behind": gdal_files, "files": files}))


def have_changed(record: Path, paths: Sequence[str | Path]) -> bool:
    """Whether files differ from what a job recorded when it read them.

    Contents are compared only if the size, modification time or change time differs. A change time cannot be set back,
    so equal times mean an unchanged file.

    Args:
        record: file written by `record_files`; if it is missing or unreadable, the files count as changed.
        paths: files, folders and patterns that the job would read now.
    """
    try:
        text = record.read_text(encoding="utf-8")
        recorded = json.loads(text)
        gdal_files, files = recorded["behind"], recorded["files"]
        if recorded["version"] != _VERSION or files.keys() != set(files_with_sidecars([*paths, *gdal_files])):
            return True
        changed = any(_differs(name, entry) for name, entry in files.items())
        if not changed and (updated := json.dumps(recorded)) != text:
            with suppress(OSError):  # only an optimisation: the next plan need not read the same content again
                write_text(record, updated)
        return changed
    except (OSError, ValueError, KeyError, TypeError):
        return True


def _expand_patterns(paths: Iterable[str | Path]) -> Iterator[str]:
    return chain.from_iterable(expand_pattern(str(path)) for path in paths)


def _differs(name: str, entry: list[object] | None) -> bool:
    """Compare a file with its entry; if only the times differ, update them in the entry."""
    state = state_of(name)
    if state is None or entry is None:
        return (state is None) != (entry is None)
    *recorded, digest = entry
    if list(state) == recorded:
        return False
    if state[0] != recorded[0] or digest_content(name) != digest:
        return True
    entry[:-1] = state
    return False


def state_of(name: str) -> State | None:
    """Return size (bytes), modification time and change time (nanoseconds) of a file; None if it does not exist."""
    try:
        status = os.stat(name)  # noqa: PTH116
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def digest_content(name: str) -> str:
    """Return the SHA-256 of a file, or why it cannot be read; the stage that reads it reports the error."""
    try:
        with open(name, "rb") as file:  # noqa: PTH123
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"


def _files_below(folder: str) -> list[str]:
    return [os.path.join(parent, name) for parent, _, names in os.walk(folder, followlinks=True) for name in names]  # noqa: PTH118


def _names_by_prefix(folder: str) -> dict[str, list[str]]:
    """Index the names in a folder by every prefix that ends in a dot or a hyphen."""
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
    """Whether to open a file with GDAL; points, tables and packages are skipped."""
    return os.path.isfile(path) and not path.lower().endswith(_NON_RASTER_SUFFIXES)  # noqa: PTH113


def files_gdal_reads(paths: Iterable[str]) -> set[str]:
    """Return all files that GDAL opens for these rasters, including the rasters themselves and nested VRTs."""
    try:
        import rasterio
    except ImportError:  # environments of stages that read no rasters
        return set()
    found: set[str] = set()
    pending = list(paths)
    while pending:
        name = pending.pop()
        if name in found:
            continue
        found.add(name)
        try:
            with rasterio.open(name) as raster:
                pending += raster.files
        except (rasterio.errors.RasterioError, OSError, ValueError):
            continue
    return {name for name in found if not name.endswith(_VOLATILE_SUFFIX)}


def external_command(record: Path, paths: Sequence[str]) -> str:
    """Return the start of a shell command that records external files; empty if there are none.

    Args:
        record: file to write.
        paths: files, folders and patterns.

    >>> external_command(Path("files.json"), ["my points.csv"])
    "python -m workflow_lib.core.external_files files.json 'my points.csv' && "
    """
    words = ["python", "-m", "workflow_lib.core.external_files", str(record), *paths]
    return f"{shlex.join(words)} && " if paths else ""


if __name__ == "__main__":
    record_files(Path(sys.argv[1]), sys.argv[2:])
