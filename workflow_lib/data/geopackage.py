"""Read points from GeoPackage files with SQLite alone, since devices have no other library for them.

Source: OGC GeoPackage Encoding Standard 1.3 (12-128r18), clauses 1.1 and 2.1.
"""

import sqlite3
import struct
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from rasterio.crs import CRS
from rasterio.errors import CRSError

from workflow_lib.core.errors import UserError

_POINT, _MULTIPOINT = 1, 4
# Size of the envelope in bytes, by its code in the header's flags.
_ENVELOPES = (0, 32, 48, 48, 64)


def read_points(path: Path, columns: Sequence[str], layer: str | None = None) -> tuple[list[dict[str, Any]], CRS]:
    """Read the layer of points that has the given columns.

    Args:
        path: file to read; changes that are still in its write-ahead log are included.
        columns: columns to read in addition to the geometry.
        layer: name of the layer; None: the only one with these columns.

    Returns:
        x, y and the columns of each point, and the CRS.

    Raises:
        UserError: if the file is not a GeoPackage, has no such layer or several, or a feature is not a single point.
    """
    if not path.is_file():
        raise UserError("no such file", path)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            table, geometry, code = _choose_layer(file, path, columns, layer)
            key = _primary_key(file, table)
            names = ", ".join([_quote(key) if key else "NULL", *map(_quote, [geometry, *columns])])
            found = file.execute(f"SELECT {names} FROM {_quote(table)}").fetchall()  # noqa: S608  # quoted
            rows = [
                dict(zip(("x", "y", *columns), _values(path, table, number, row, columns), strict=True))
                for number, row in enumerate(found, start=1)
            ]
            return rows, _read_crs(file, path, table, code)
    except (sqlite3.Error, TypeError, UnicodeError) as error:
        raise UserError(f"not a readable GeoPackage ({error})", path) from None


def _choose_layer(
    file: sqlite3.Connection, path: Path, columns: Sequence[str], wanted: str | None
) -> tuple[str, str, int]:
    """Return the table, geometry column and srs_id of the layer to read."""
    layers = (
        "SELECT table_name, column_name, srs_id FROM gpkg_geometry_columns "
        "WHERE upper(geometry_type_name) IN ('POINT', 'MULTIPOINT', 'GEOMETRY') ORDER BY table_name"
    )
    found = [row for row in file.execute(layers).fetchall() if set(columns) <= _columns(file, row[0]).keys()]
    if wanted:
        found = [row for row in found if row[0] == wanted]
    if len(found) > 1:
        counts = {row[0]: file.execute(f"SELECT count(*) FROM {_quote(row[0])}").fetchone()[0] for row in found}  # noqa: S608  # quoted
        raise UserError(
            f"has several layers with {' and '.join(columns)}: "
            + ", ".join(f"{name} ({count} rows)" for name, count in counts.items()),
            path,
            "name one in data.clip.points_layer",
        )
    if not found:
        named = f"{wanted} " if wanted else ""
        raise UserError(f"has no layer {named}with {' and '.join(columns)}", path, "rename the columns of the points")
    table, geometry, code = found[0]
    return table, geometry, code


def _columns(file: sqlite3.Connection, table: str) -> dict[str, int]:
    """Map each column to its position in the primary key, counted from 1; 0 if it is not part of it."""
    return {row[1]: row[5] for row in file.execute(f"PRAGMA table_info({_quote(table)})")}


def _primary_key(file: sqlite3.Connection, table: str) -> str | None:
    return next((name for name, place in _columns(file, table).items() if place == 1), None)


def _values(path: Path, table: str, number: int, row: Sequence[Any], columns: Sequence[str]) -> list[Any]:
    """Return x, y and the columns of one feature; whole floats become integers."""
    fid, blob, *values = row
    name = f"feature {number if fid is None else fid} of layer {table}"
    place = _decode(blob, path, name)
    for column, value in zip(columns, values, strict=True):
        if value is None:
            raise UserError(f"{name} has no {column}", path)
    plain = [int(value) if isinstance(value, float) and value.is_integer() else value for value in values]
    return [*place, *plain]


def _read_crs(file: sqlite3.Connection, path: Path, table: str, code: int) -> CRS:
    """Look up the CRS of an srs_id, which is a key of this file; the organization defines what its number means."""
    row = file.execute(
        "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?", (code,)
    ).fetchone()
    organization, number, definition = row or ("", 0, "undefined")
    organization = str(organization).upper()
    try:
        if organization in ("EPSG", "ESRI") and number:
            return CRS.from_user_input(f"{organization}:{number}")
        if str(definition).strip().lower() not in ("", "undefined"):
            return CRS.from_wkt(definition)
    except CRSError:
        pass
    raise UserError(f"layer {table} has no known CRS (srs_id {code})", path, "assign one")


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _decode(blob: bytes | None, path: Path, name: str) -> tuple[float, float]:
    """Decode the coordinates of a feature that is a point, or a MultiPoint with a single one."""
    if blob is None:
        raise UserError(f"{name} has no geometry", path)
    try:
        magic, _, flags = struct.unpack_from("<2sBB", blob)
        start = 8 + _ENVELOPES[flags >> 1 & 7]
        kind, order = _kind(blob, start)
        if kind == _MULTIPOINT:
            (count,) = struct.unpack_from(f"{order}I", blob, start + 5)
            if count != 1:
                raise UserError(f"{name} holds {count} points instead of one", path)
            start += 9
            kind, order = _kind(blob, start)
        x, y = struct.unpack_from(f"{order}dd", blob, start + 5) if kind == _POINT else (0.0, 0.0)
    except (struct.error, IndexError):
        raise UserError(f"{name} has an unreadable geometry", path) from None
    if magic != b"GP" or kind != _POINT:
        raise UserError(f"{name} has geometry type {kind}, not point", path)
    return x, y


def _kind(blob: bytes, start: int) -> tuple[int, str]:
    """Return a geometry's type and byte order, ignoring marks of heights (ISO: 1001 and up, EWKB: a high bit)."""
    order = "<" if blob[start] else ">"
    (kind,) = struct.unpack_from(f"{order}I", blob, start + 1)
    return (kind & 0xFFFF) % 1000, order
