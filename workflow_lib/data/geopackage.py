"""Read and write points in GeoPackage files with SQLite alone, since devices have no other library for them.

Source: OGC GeoPackage Encoding Standard 1.3 (12-128r18), clauses 1.1 and 2.1.
"""

import sqlite3
import struct
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from rasterio.crs import CRS
from rasterio.errors import CRSError

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import atomic_path

_APPLICATION = 0x47504B47  # "GPKG"
_VERSION = 10300
_POINT, _MULTIPOINT = 1, 4
# Size of the envelope in bytes, by its code in the header's flags.
_ENVELOPES = (0, 32, 48, 48, 64)
_SQL_TYPES = {int: "INTEGER", float: "REAL", str: "TEXT"}
_TABLES = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
    organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
    description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT '1970-01-01T00:00:00.000Z', min_x DOUBLE,
    min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT PRIMARY KEY REFERENCES gpkg_contents(table_name),
    column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL
    REFERENCES gpkg_spatial_ref_sys(srs_id), z TINYINT NOT NULL, m TINYINT NOT NULL);
INSERT INTO gpkg_spatial_ref_sys VALUES ('Undefined Cartesian', -1, 'NONE', -1, 'undefined', ''),
    ('Undefined geographic', 0, 'NONE', 0, 'undefined', ''), ('WGS 84 geodetic', 4326, 'EPSG', 4326,
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    || 'UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]]', '');
"""
_CUSTOM_CRS_ID = 100_000  # srs_id of a CRS without EPSG code


def write_points(
    path: Path, name: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, type], crs: CRS
) -> None:
    """Write a layer of points atomically; the same rows give the same bytes.

    Args:
        path: file to write.
        name: name of the layer: letters, digits and underscores.
        rows: x, y and the columns of each point.
        columns: column name -> int, float or str.
        crs: CRS of x and y.

    Raises:
        UserError: if the file is open in another program, or cannot be written.
    """
    for ending in ("-wal", "-journal"):
        if (journal := path.with_name(path.name + ending)).exists():
            raise UserError(f"is open in another program ({journal.name} exists)", path, "close it there")
    try:
        with atomic_path(path) as temporary, closing(sqlite3.connect(temporary)) as file:
            _write_layer(file, name, rows, columns, crs)
            file.commit()
    except sqlite3.Error as error:  # such as a full disk
        raise UserError(f"cannot be written ({error})", path) from None


def _write_layer(
    file: sqlite3.Connection, name: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, type], crs: CRS
) -> None:
    code = crs.to_epsg() or _CUSTOM_CRS_ID
    names = ", ".join(f'"{column}"' for column in columns)
    kinds = ", ".join(f'"{column}" {_SQL_TYPES[kind]}' for column, kind in columns.items())
    xs, ys = [row["x"] for row in rows] or [0], [row["y"] for row in rows] or [0]
    file.execute(f"PRAGMA application_id = {_APPLICATION}")
    file.execute(f"PRAGMA user_version = {_VERSION}")
    file.executescript(_TABLES)
    if code != 4326:
        organisation = "NONE" if code == _CUSTOM_CRS_ID else "EPSG"
        file.execute(
            "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, '')",
            (crs.to_string()[:80], code, organisation, code, crs.to_wkt(version="WKT1_GDAL")),
        )
    file.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, min_x, min_y, max_x, max_y, srs_id) "
        "VALUES (?, 'features', ?, ?, ?, ?, ?, ?)",
        (name, name, min(xs), min(ys), max(xs), max(ys), code),
    )
    file.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'POINT', ?, 0, 0)", (name, code))
    file.execute(f'CREATE TABLE "{name}" (fid INTEGER PRIMARY KEY, geom BLOB, {kinds})')
    file.executemany(
        f'INSERT INTO "{name}" (geom, {names}) VALUES (?{", ?" * len(columns)})',  # noqa: S608  # names are the caller's
        [(_encode(row["x"], row["y"], code), *(row[column] for column in columns)) for row in rows],
    )


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


def _encode(x: float, y: float, code: int) -> bytes:
    """Encode a point: header without envelope, then little-endian WKB."""
    return struct.pack("<2sBBi", b"GP", 0, 1, code) + struct.pack("<BIdd", 1, _POINT, x, y)


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
