"""Parquet files with a seal: every page has a checksum, and the footer holds one of the whole file."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from workflow_lib.core.errors import TableError
from workflow_lib.core.sealed import DamagedFileError

TABLE_KEY = b"table"
"""Metadata key of the tables that this project writes: it holds the table's name, and all of them are sealed."""

_SEAL_KEY = b"seal"
_DIGITS = 2 * hashlib.sha256().digest_size
# How Thrift's compact protocol spells the key and the head of its value, a text of 64 characters, in the footer.
_SEAL_ENTRY = b"\x18" + bytes([len(_SEAL_KEY)]) + _SEAL_KEY + b"\x18" + bytes([_DIGITS])


class DamagedTableError(TableError, DamagedFileError):
    """A Parquet file is not as it was written, or not what it should be."""

    def __init__(self, path: Path, reason: str) -> None:
        DamagedFileError.__init__(self, path, reason)


def write_sealed(arrow: pa.Table, path: Path) -> None:
    """Write a Parquet file with a checksum of each page, and in its footer one of the whole file."""
    with pq.ParquetWriter(path, arrow.schema, write_page_checksum=True) as writer:
        writer.write_table(arrow)
        writer.add_key_value_metadata({_SEAL_KEY.decode(): "0" * _DIGITS})
    content = bytearray(path.read_bytes())
    place = content.rfind(_SEAL_ENTRY) + len(_SEAL_ENTRY)
    assert place >= len(_SEAL_ENTRY), "pyarrow spells the footer in another way"
    # The digest is that of the file with zeros in its place.
    content[place : place + _DIGITS] = hashlib.sha256(content).hexdigest().encode()
    path.write_bytes(content)


def read_sealed(path: Path) -> pa.Table:
    """Read a file that `write_sealed` wrote, or one of anybody's that never had a seal.

    Raises:
        DamagedTableError: if it cannot be read, or is not as it was written.
        OSError: if the file system does not give it; that is no damage.
    """
    content = path.read_bytes()
    place = content.rfind(_SEAL_ENTRY) + len(_SEAL_ENTRY)
    sealed = place >= len(_SEAL_ENTRY)
    if sealed:
        blank = bytearray(content)
        blank[place : place + _DIGITS] = b"0" * _DIGITS
        if hashlib.sha256(blank).hexdigest().encode() != content[place : place + _DIGITS]:
            raise DamagedTableError(path, "its content does not match its checksum")
    try:
        arrow = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True).read()
        arrow.validate(full=True)  # text that is no UTF-8 would surface only where it is used
    except (pa.ArrowException, ValueError, OSError) as error:
        raise DamagedTableError(path, f"not a readable Parquet file ({error})") from None
    if not sealed and TABLE_KEY in (arrow.schema.metadata or {}):
        raise DamagedTableError(path, "it has no checksum; if an earlier version wrote it, it must be made again")
    return arrow
