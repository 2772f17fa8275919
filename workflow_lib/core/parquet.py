"""Sealed Parquet files: every page has a checksum, and the footer holds a checksum of the whole file."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from workflow_lib.core.errors import TableError
from workflow_lib.core.sealed import DamagedFileError

TABLE_KEY = b"table"
"""Metadata key with the table's name, in all tables that this project writes; they are all sealed."""

_SEAL_KEY = b"seal"
_DIGEST_LENGTH = 2 * hashlib.sha256().digest_size
# The key and the header of its 64-character value, as Thrift's compact protocol encodes them in the footer.
_SEAL_ENTRY = b"\x18" + bytes([len(_SEAL_KEY)]) + _SEAL_KEY + b"\x18" + bytes([_DIGEST_LENGTH])


class DamagedTableError(TableError, DamagedFileError):
    """A Parquet file has changed since it was written, or does not match its schema."""

    def __init__(self, path: Path, reason: str) -> None:
        DamagedFileError.__init__(self, path, reason)


def write_sealed(arrow: pa.Table, path: Path) -> None:
    """Write a Parquet file with a checksum of each page, and a checksum of the whole file in its footer."""
    with pq.ParquetWriter(path, arrow.schema, write_page_checksum=True) as writer:
        writer.write_table(arrow)
        writer.add_key_value_metadata({_SEAL_KEY.decode(): "0" * _DIGEST_LENGTH})
    content = bytearray(path.stat().st_size)
    with path.open("rb") as stream:
        stream.readinto(content)
    start = content.rfind(_SEAL_ENTRY) + len(_SEAL_ENTRY)
    assert start >= len(_SEAL_ENTRY), "pyarrow encodes the footer differently"
    # The digest is computed with zeros in its own place.
    content[start : start + _DIGEST_LENGTH] = hashlib.sha256(content).hexdigest().encode()
    path.write_bytes(content)


def read_sealed(path: Path) -> pa.Table:
    """Read a file written by `write_sealed`, or an unsealed file from elsewhere.

    Raises:
        DamagedTableError: if it cannot be parsed, or has changed since it was written.
        OSError: if the file system cannot read it, which does not count as damage.
    """
    content = path.read_bytes()
    start = content.rfind(_SEAL_ENTRY) + len(_SEAL_ENTRY)
    sealed = start >= len(_SEAL_ENTRY)
    if sealed:
        blank = bytearray(content)
        blank[start : start + _DIGEST_LENGTH] = b"0" * _DIGEST_LENGTH
        if hashlib.sha256(blank).hexdigest().encode() != content[start : start + _DIGEST_LENGTH]:
            raise DamagedTableError(path, "its content does not match its checksum")
    try:
        arrow = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True).read()
        arrow.validate(full=True)  # otherwise invalid UTF-8 would be noticed only when it is used
    except (pa.ArrowException, ValueError, OSError) as error:
        raise DamagedTableError(path, f"not a readable Parquet file ({error})") from None
    if not sealed and TABLE_KEY in (arrow.schema.metadata or {}):
        raise DamagedTableError(path, "it has no checksum; if an earlier version wrote it, it must be computed again")
    return arrow
