"""Safe access to the files of a predictor package in a folder or zip: sizes are bounded, and nothing is unpacked."""

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
# Total size of a package; the largest published ones are far smaller.
_MAX_PACKAGE_BYTES: Final = 16 * 2**30
# Genuine forests compress by a factor of 3 to 36.
_MAX_RATIO: Final = 100
_SMALL_BYTES: Final = 2**20
_CHUNK_BYTES: Final = 2**20
_MAX_YAML_EVENTS: Final = 10_000
_MAX_YAML_DEPTH: Final = 10
# Files that file managers create.
_JUNK: Final = {".DS_Store", "Thumbs.db", "desktop.ini"}
_FOREST_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.pkl")


@dataclass(frozen=True)
class PackageFile:
    """One file of a package.

    Attributes:
        name: file name without folders.
        where: location for messages.
        size: size in bytes.
        open: function that opens the file for reading.
    """

    name: str
    where: str
    size: int
    open: Callable[[], IO[bytes]]

    @contextmanager
    def stream(self) -> Iterator[IO[bytes]]:
        """Open the file as a buffered stream, in a context.

        Raises:
            UserError: if the file is damaged.
        """
        try:
            with io.BufferedReader(self.open(), _CHUNK_BYTES) as file:  # type: ignore[type-var]
                yield file
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError) as error:
            raise UserError(f"damaged ({error})", self.where) from None
        except OSError as error:
            if error.errno is not None:  # an error of the disk, not of the content
                raise
            raise UserError(f"damaged ({error})", self.where) from None

    def read_text(self, max_bytes: int = _MAX_TEXT_BYTES) -> str:
        """Read the content as text.

        Raises:
            UserError: if the file is too large, damaged, or not UTF-8.
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
        """Compute the SHA-256 of the content, in hexadecimal."""
        with self.stream() as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


@contextmanager
def open_package(source: Path) -> Iterator[dict[str, PackageFile]]:
    """Open a package, and provide its files by name, in a context.

    Args:
        source: folder or zip; in a zip, the files may be in a subfolder.

    Raises:
        UserError: if the source does not exist or is not a readable zip, or if its files are too many, too large,
            compressed too strongly, or have paths that lead outside.
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
    """Validate the directory of an archive before reading any file."""
    members = [member for member in archive.infolist() if not member.is_dir() and not _is_junk(member.filename)]
    files = []
    for member in members:
        name = PurePosixPath(member.filename)
        if name.is_absolute() or ".." in name.parts or "\\" in member.filename or ":" in member.filename:
            raise UserError(f"contains a path outside its folder: {member.filename[:80]!r}", source)
        where = f"{source}: {member.filename[:80]}"
        files.append(PackageFile(name.name, where, member.file_size, partial(archive.open, member)))
    if len({file.name for file in files if is_read(file.name)}) != sum(is_read(file.name) for file in files):
        raise UserError("contains a file twice, in two folders", source, "import one package at a time")
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
            f"contains {len(files)} files of {size} bytes; allowed are {_MAX_FILES} files of {_MAX_PACKAGE_BYTES}",
            source,
        )
    for file in files:
        limit = MAX_BYTES if file.name.endswith(".pkl") else _MAX_TEXT_BYTES
        if is_read(file.name) and file.size > limit:
            what = f"contains a file of {file.size} bytes" if limit == MAX_BYTES else f"more than {limit} bytes of text"
            raise UserError(f"{what}; allowed are {limit}" if limit == MAX_BYTES else what, file.where)


def is_read(name: str) -> bool:
    """Tell whether a file belongs to a package: the fusion rules, the metadata, or a forest with a plain name.

    >>> is_read("conv-bn-relu.pkl"), is_read("meta.yaml"), is_read("notes.txt")
    (True, True, False)
    """
    return name in (FUSION_RULES, META) or _FOREST_FILE.fullmatch(name) is not None


def refuse_odd_names(source: Path, names: Mapping[str, object]) -> None:
    """Refuse forests whose names are not plain, because they would be ignored silently.

    Args:
        source: the package, for messages.
        names: mapping whose keys are the file names.

    Raises:
        UserError: if there is such a forest.
    """
    if odd := [name for name in names if name.endswith(".pkl") and not is_read(name)]:
        raise UserError(
            f"the name of a forest is not plain: {odd[0][:80]!r}", source, "use letters, digits, - and _ only"
        )


def _is_junk(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or (bool(parts) and (parts[-1] in _JUNK or parts[-1].startswith("._")))


def read_meta(file: PackageFile | None) -> dict[str, Any]:
    """Read `meta.yaml`; nn-Meter's own packages have none.

    Args:
        file: the file, or None.

    Returns:
        Its values; empty if there is no file.

    Raises:
        UserError: if it is not a small YAML mapping, or uses anchors and aliases.
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
    """Refuse anchors and aliases, and deep or long documents: nested aliases can expand to gigabytes."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise UserError("not plain YAML: it uses anchors or aliases", where)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if number > _MAX_YAML_EVENTS or depth > _MAX_YAML_DEPTH:
            raise UserError("not plain YAML: it is too long or too deeply nested", where)


class _PlainLoader(yaml.SafeLoader):
    """Loader that refuses duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) < len(node.value):
            raise yaml.YAMLError("a key is duplicated or is not text")
        return super().construct_mapping(node, deep)
