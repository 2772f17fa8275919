"""The files of a predictor package, in a folder or a zip: bounded, and never written to the disk to be read."""

import hashlib
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

import yaml

from workflow_lib.core.errors import UserError
from workflow_lib.latency.pickles import MAX_BYTES

FUSION_RULES: Final = "fusion_rules.json"
META: Final = "meta.yaml"
_MAX_FILES: Final = 200
_MAX_TEXT_BYTES: Final = 2**20
_MAX_META_BYTES: Final = 2**16
# All of a package; the largest that are published are far below.
_MAX_PACKAGE_BYTES: Final = 16 * 2**30
# Genuine forests are packed 3 to 36 times smaller.
_MAX_RATIO: Final = 100
_SMALL_BYTES: Final = 2**20
_CHUNK_BYTES: Final = 2**20
_MAX_YAML_EVENTS: Final = 10_000
_MAX_YAML_DEPTH: Final = 10
# What file managers leave behind.
_JUNK: Final = {".DS_Store", "Thumbs.db", "desktop.ini"}
_READ: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.pkl")


@dataclass(frozen=True)
class PackageFile:
    """One file of a package.

    Attributes:
        name: without folders.
        where: for messages.
        size: in bytes.
        open: opens it for reading.
    """

    name: str
    where: str
    size: int
    open: Callable[[], IO[bytes]]

    @contextmanager
    def stream(self) -> Iterator[IO[bytes]]:
        """Read it in large parts, in a context.

        Raises:
            UserError: if it is damaged.
        """
        try:
            with io.BufferedReader(self.open(), _CHUNK_BYTES) as file:  # type: ignore[type-var]
                yield file
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError) as error:
            raise UserError(f"damaged ({error})", self.where) from None
        except OSError as error:
            if error.errno is not None:  # of the disk
                raise
            raise UserError(f"damaged ({error})", self.where) from None

    def read_text(self, max_bytes: int = _MAX_TEXT_BYTES) -> str:
        """Its content.

        Raises:
            UserError: if it is too large, damaged, or no text.
        """
        if self.size > max_bytes:
            raise UserError(f"more than {max_bytes} bytes of text", self.where)
        with self.stream() as file:
            content = file.read()
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"not text ({error})", self.where) from None

    def sha256(self) -> str:
        """Its checksum, hexadecimal."""
        with self.stream() as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


@contextmanager
def open_package(source: Path) -> Iterator[dict[str, PackageFile]]:
    """The files of a package by their names, in a context.

    Args:
        source: folder or zip; in a zip they may lie in a subfolder.

    Raises:
        UserError: if there is no such source, it is no readable zip, or its files are too many, too large, expand too
            much, or have names that lead elsewhere.
    """
    if source.is_dir():
        paths = [path for path in sorted(source.iterdir()) if path.is_file() and not _is_junk(path.name)]
        files = [PackageFile(path.name, str(path), path.stat().st_size, partial(_open_file, path)) for path in paths]
        _check_sizes(source, files)
        yield {file.name: file for file in files}
    elif not source.exists():
        raise UserError("no such folder or zip file", source)
    else:
        with _open_zip(source) as archive:
            yield _members(source, archive)


def _open_file(path: Path) -> IO[bytes]:
    return path.open("rb")


def _open_zip(source: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, UnicodeError, ValueError) as error:
        raise UserError(f"not a readable zip file ({error})", source) from None


def _members(source: Path, archive: zipfile.ZipFile) -> dict[str, PackageFile]:
    """Check all that the directory of an archive says before anything is read."""
    members = [member for member in archive.infolist() if not member.is_dir() and not _is_junk(member.filename)]
    files = []
    for member in members:
        name = PurePosixPath(member.filename)
        if name.is_absolute() or ".." in name.parts or "\\" in member.filename or ":" in member.filename:
            raise UserError(f"names a file outside its folder: {member.filename[:80]!r}", source)
        where = f"{source}: {member.filename[:80]}"
        files.append(PackageFile(name.name, where, member.file_size, partial(archive.open, member)))
    if len({file.name for file in files if is_read(file.name)}) != sum(is_read(file.name) for file in files):
        raise UserError("holds a file twice, in two folders", source, "import one package at a time")
    _check_sizes(source, files)
    for member in members:
        if member.file_size > max(_SMALL_BYTES, _MAX_RATIO * member.compress_size):
            raise UserError(
                f"{member.filename[:80]} would expand from {member.compress_size} to {member.file_size} bytes", source
            )
    return {file.name: file for file in files}


def _check_sizes(source: Path, files: list[PackageFile]) -> None:
    size = sum(file.size for file in files)
    if len(files) > _MAX_FILES or size > _MAX_PACKAGE_BYTES:
        raise UserError(
            f"holds {len(files)} files of {size} bytes; at most {_MAX_FILES} of {_MAX_PACKAGE_BYTES} are read", source
        )
    for file in files:
        most = MAX_BYTES if file.name.endswith(".pkl") else _MAX_TEXT_BYTES
        if is_read(file.name) and file.size > most:
            what = f"holds a file of {file.size} bytes" if most == MAX_BYTES else f"more than {most} bytes of text"
            raise UserError(f"{what}, and at most {most} are read" if most == MAX_BYTES else what, file.where)


def is_read(name: str) -> bool:
    """Whether a file belongs to a package: the fusion rules, what is told of it, and forests with plain names."""
    return name in (FUSION_RULES, META) or _READ.fullmatch(name) is not None


def refuse_odd_names(source: Path, names: Mapping[str, object]) -> None:
    """Refuse forests whose names are not plain: they would be left out without a word.

    Raises:
        UserError: if there is one.
    """
    if odd := [name for name in names if name.endswith(".pkl") and not is_read(name)]:
        raise UserError(f"the name of a forest is not plain: {odd[0][:80]!r}", source, "letters, digits, - and _ only")


def _is_junk(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or (bool(parts) and (parts[-1] in _JUNK or parts[-1].startswith("._")))


def read_meta(file: PackageFile | None) -> dict[str, Any]:
    """What `meta.yaml` says; nn-Meter's own packages have none.

    Raises:
        UserError: if it is no small YAML mapping, or repeats parts of itself by reference.
    """
    if file is None:
        return {}
    text = file.read_text(_MAX_META_BYTES)
    try:
        _refuse_expansion(text, file.where)
        meta = _PlainLoader(text).get_single_data()
    except UserError:
        raise
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UserError(f"not YAML ({str(error)[:200]})", file.where) from None
    if not isinstance(meta, dict):
        raise UserError("not a YAML mapping", file.where)
    for key in ("name", "version", "category", "unit"):
        if not isinstance(meta.get(key, ""), str | int | float) or len(str(meta.get(key, ""))) > 100:
            raise UserError(f"{key} is not a short text", file.where)
    return meta


def _refuse_expansion(text: str, where: str) -> None:
    """A few references to references are gigabytes when they are followed."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise UserError("not YAML of this kind: it refers to parts of itself", where)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if number > _MAX_YAML_EVENTS or depth > _MAX_YAML_DEPTH:
            raise UserError("not YAML of this kind: it has too many parts", where)


class _PlainLoader(yaml.SafeLoader):
    """Refuses a key that is given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) < len(node.value):
            raise yaml.YAMLError("a key is given twice, or is no text")
        return super().construct_mapping(node, deep)
