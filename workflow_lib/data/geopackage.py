"""Points in GeoPackage files, with nothing but SQLite: devices have no other library for them.

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
_POINT = 1
# Bytes of the envelope, by its code in the header's flags.
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
_OWN_CRS = 100_000  # of a CRS that has no EPSG code


def write_points(
    path: Path, name: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, type], crs: CRS
) -> None:
    """Write a layer of points, atomically; the same rows give the same bytes.

    Args:
        path: the file.
        name: of the layer: letters, digits, underscores.
        rows: x, y and the columns, of each point.
        columns: name -> int, float or str.
        crs: of x and y.
    """
    code = crs.to_epsg() or _OWN_CRS
    names = ", ".join(f'"{column}"' for column in columns)
    kinds = ", ".join(f'"{column}" {_SQL_TYPES[kind]}' for column, kind in columns.items())
    xs, ys = [row["x"] for row in rows] or [0], [row["y"] for row in rows] or [0]
    with atomic_path(path) as temporary, closing(sqlite3.connect(temporary)) as file:
        file.execute(f"PRAGMA application_id = {_APPLICATION}")
        file.execute(f"PRAGMA user_version = {_VERSION}")
        file.executescript(_TABLES)
        if code != 4326:
            organisation = "NONE" if code == _OWN_CRS else "EPSG"
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
        file.commit()


def read_points(path: Path, columns: Sequence[str]) -> tuple[list[dict[str, Any]], CRS]:
    """Read the first layer of points that has some columns.

    Returns:
        x, y and the columns of each point, and the CRS.

    Raises:
        UserError: if the file is no GeoPackage, or has no such layer.
    """
    if not path.is_file():
        raise UserError("no such file", path)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            layers = (
                "SELECT table_name, column_name, srs_id FROM gpkg_geometry_columns "
                "WHERE upper(geometry_type_name) IN ('POINT', 'GEOMETRY') ORDER BY table_name"
            )
            for table, geometry, code in file.execute(layers).fetchall():
                if set(columns) <= {row[1] for row in file.execute(f"PRAGMA table_info({_quote(table)})")}:
                    names = ", ".join(map(_quote, [geometry, *columns]))
                    found = file.execute(f"SELECT {names} FROM {_quote(table)}").fetchall()  # noqa: S608  # quoted
                    rows = [
                        dict(zip(("x", "y", *columns), (*_decode(blob, path), *rest), strict=True))
                        for blob, *rest in found
                    ]
                    return rows, _read_crs(file, code)
    except (sqlite3.Error, CRSError, TypeError) as error:
        raise UserError(f"not a readable GeoPackage ({error})", path) from None
    raise UserError(f"has no layer with {' and '.join(columns)}", path, "call the points' columns so")


def _read_crs(file: sqlite3.Connection, code: int) -> CRS:
    if 0 < code < _OWN_CRS:
        return CRS.from_epsg(code)
    query = "SELECT definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?"
    return CRS.from_wkt(file.execute(query, (code,)).fetchone()[0])


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _encode(x: float, y: float, code: int) -> bytes:
    """A point: header without envelope, then little-endian WKB."""
    return struct.pack("<2sBBi", b"GP", 0, 1, code) + struct.pack("<BIdd", 1, _POINT, x, y)


def _decode(blob: bytes | None, path: Path) -> tuple[float, float]:
    try:
        magic, _, flags = struct.unpack_from("<2sBB", blob or b"")
        start = 8 + _ENVELOPES[flags >> 1 & 7]
        order = "<" if blob and blob[start] else ">"
        kind, x, y = struct.unpack_from(f"{order}Idd", blob or b"", start + 1)
    except (struct.error, IndexError):
        raise UserError("holds a geometry that cannot be read", path) from None
    # Points with heights (ISO: 1001 and more, EWKB: a high bit) begin like others.
    if magic != b"GP" or (kind & 0xFFFF) % 1000 != _POINT:
        raise UserError(f"holds geometries of kind {kind}, and points are needed", path)
    return x, y
