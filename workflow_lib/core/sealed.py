"""Sealed files: each contains a checksum of its content, which every reader verifies.

Disks, memory and copies can flip bits, and a corrupted accuracy or weight looks plausible. Each file that one stage
writes and another reads therefore carries the SHA-256 digest of its own content. The seal is inside the file, so that
both are replaced atomically and copied together. There are three kinds:

- a trailer after the content, for arrays, tensors and archives, whose readers ignore it;
- a key in the object, for JSON;
- an entry in the footer, for Parquet (`core.parquet`).

A file that fails its check is damaged. The stage that finds it renames it (`set_aside`), so that the next run makes it
again. This module needs only the standard library and NumPy, because devices use it too.
"""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import write_text

RESULTS_VARIABLE = "EDGEFRONT_RESULTS"
"""Environment variable with the folder of the run. The workflow can recompute damaged files below this folder."""

_SEAL_MARK = b"\nedgefront-seal sha256 "
_SEAL_BYTES = len(_SEAL_MARK) + 2 * hashlib.sha256().digest_size + 1
_CHUNK_BYTES = 1 << 22
_JSON_KEY = "sha256"
# Snakemake writes this file into every folder that is an output of a rule.
_FOLDER_MARK = ".snakemake_timestamp"

Parsed = TypeVar("Parsed")


class DamagedFileError(UserError):
    """A file has changed since it was written.

    Args:
        path: the damaged file.
        reason: what is wrong with it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"damaged: {reason}", path)
        self.paths: list[Path] = [path]


def seal(path: Path) -> None:
    """Append a trailer with the digest of a file's content, as the last step before the file is put in place."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with path.open("ab") as file:
        file.write(_trailer(digest))


def read_bytes(path: Path) -> bytes:
    """Read a file that has a trailer.

    Returns:
        Its content without the trailer.

    Raises:
        DamagedFileError: if the content does not match the trailer, or there is no trailer.
        OSError: if the file cannot be read, which does not count as damage.
    """
    content = path.read_bytes()
    body = content[:-_SEAL_BYTES]
    if content[-_SEAL_BYTES:] != _trailer(hashlib.sha256(body).hexdigest()):
        raise DamagedFileError(path, _trailer_problem(content[-_SEAL_BYTES:]))
    return body


def load(path: Path, parse: Callable[[IO[bytes]], Parsed]) -> Parsed:
    """Read a file that has a trailer, and parse it.

    Args:
        path: file to read.
        parse: parses the content from a stream; any exception but `UserError` and `MemoryError` means damage.

    Raises:
        DamagedFileError: if the content does not match the trailer, or cannot be parsed.
        OSError: if the file cannot be read.
    """
    return _parse_stream(path, parse, io.BytesIO(read_bytes(path)))


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write a .npy file with a trailer. The write is not atomic; use `atomic_path`.

    Args:
        path: file to write.
        array: array of any shape (n, ...) without objects.
    """
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
    seal(path)


def load_array(path: Path) -> NDArray[Any]:
    """Read an array written by `save_array` into memory.

    Raises:
        DamagedFileError, OSError: see `load`.
    """
    array: NDArray[Any] = load(path, lambda stream: np.load(stream, allow_pickle=False))
    return array


def map_array(path: Path) -> NDArray[Any]:
    """Verify a large array written by `save_array`, and map it into memory.

    Verification reads the whole file once: 1.5 to 2 s for 3.4 GB in the page cache, little compared with a training.

    Raises:
        DamagedFileError, OSError: see `load`.
    """
    digest, size = hashlib.sha256(), path.stat().st_size - _SEAL_BYTES
    with path.open("rb", buffering=0) as file:
        left = max(size, 0)
        while left and (chunk := file.read(min(_CHUNK_BYTES, left))):
            digest.update(chunk)
            left -= len(chunk)
        trailer = file.read(_SEAL_BYTES)
    if trailer != _trailer(digest.hexdigest()):
        raise DamagedFileError(path, _trailer_problem(trailer))
    array: NDArray[Any] = _parse_stream(path, lambda _: np.load(path, mmap_mode="r", allow_pickle=False), io.BytesIO())
    return array


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Atomically write a JSON object that includes the digest of all its other keys."""
    write_text(path, json.dumps({**values, _JSON_KEY: _json_digest(values)}, indent=1) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read an object written by `write_json`, without its digest.

    Raises:
        DamagedFileError: if it is not a JSON object, or its digest does not match.
        OSError: if the file cannot be read.
    """
    values = _parse_stream(path, lambda stream: json.loads(stream.read().decode()), io.BytesIO(path.read_bytes()))
    if not isinstance(values, dict) or values.pop(_JSON_KEY, None) != _json_digest(values):
        raise DamagedFileError(path, "its content does not match its checksum")
    return values


def set_aside(error: DamagedFileError) -> str:
    """Rename damaged files of this run, so that Snakemake makes them again.

    Other files (a user's own table, another run, a bundle on a device) are left in place. If a file lies in a folder
    that is an output of a rule, the whole folder is renamed.

    Returns:
        The message for the user.
    """
    results = os.environ.get(RESULTS_VARIABLE)
    moved = []
    for path in error.paths:
        if results and path.absolute().is_relative_to(Path(results).absolute()):
            unit = _rule_output(path, Path(results))
            aside = unit.with_name(f"{unit.name}.damaged")
            try:
                if aside.is_dir():
                    shutil.rmtree(aside)
                unit.replace(aside)
            except FileNotFoundError:  # another job has already renamed it
                pass
            moved.append(aside.name)
    if not moved:
        return f"{error}; copy this file again, or recreate it"
    more = f", and {len(moved) - 1} more damaged files were renamed" if moved[1:] else ""
    return f"{error}; it was renamed to {moved[0]}{more}; run the same command again to recompute what is damaged"


def combine(errors: Iterable[DamagedFileError]) -> DamagedFileError:
    """Merge the errors of several damaged files into one; it names the first file, and `set_aside` handles all."""
    first, *others = errors
    first.paths += [path for other in others for path in other.paths]
    return first


def _trailer(digest: str) -> bytes:
    return _SEAL_MARK + digest.encode() + b"\n"


def _trailer_problem(found: bytes) -> str:
    return (
        "its content does not match its checksum" if found.startswith(_SEAL_MARK) else "it has no checksum at its end"
    )


def _json_digest(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _parse_stream(path: Path, parse: Callable[[IO[bytes]], Parsed], stream: IO[bytes]) -> Parsed:
    try:
        return parse(stream)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # parsers raise dozens of exception types for damaged files
        reason = " ".join(str(error).split())
        raise DamagedFileError(path, f"cannot be read ({type(error).__name__}: {reason:.200})") from None


def _rule_output(path: Path, results: Path) -> Path:
    folders = [folder for folder in path.parents if folder.absolute().is_relative_to(results.absolute())]
    return next((folder for folder in reversed(folders) if (folder / _FOLDER_MARK).exists()), path)
