"""Write GeoPackage files with SQLite alone, since devices have no other library for them: layers with spatial indices.

Source: OGC GeoPackage Encoding Standard 1.3 (12-128r18), clauses 1.1 and 2.1, and annex F.3 (R-tree spatial indices).
"""

import sqlite3
import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rasterio.crs import CRS

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import atomic_path

Ring = Sequence[tuple[float, float]]
Box = tuple[float, float, float, float]
"""Least and greatest x, least and greatest y."""

_APPLICATION = 0x47504B47  # "GPKG"
_VERSION = 10300
_POINT, _POLYGON = 1, 3
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
CREATE TABLE gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
    scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
INSERT INTO gpkg_spatial_ref_sys VALUES ('Undefined Cartesian', -1, 'NONE', -1, 'undefined', ''),
    ('Undefined geographic', 0, 'NONE', 0, 'undefined', ''), ('WGS 84 geodetic', 4326, 'EPSG', 4326,
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    || 'UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]]', '');
"""
# Programs that edit a layer keep its index up to date by these triggers, which the standard prescribes word by word.
_INDEX = """
CREATE VIRTUAL TABLE "rtree_{table}_geom" USING rtree(id, minx, maxx, miny, maxy);
INSERT INTO gpkg_extensions VALUES ('{table}', 'geom', 'gpkg_rtree_index',
    'http://www.geopackage.org/spec120/#extension_rtree', 'write-only');
CREATE TRIGGER "rtree_{table}_geom_insert" AFTER INSERT ON "{table}"
    WHEN (new."geom" NOT NULL AND NOT ST_IsEmpty(NEW."geom"))
BEGIN INSERT OR REPLACE INTO "rtree_{table}_geom" VALUES ({new}); END;
CREATE TRIGGER "rtree_{table}_geom_update1" AFTER UPDATE OF "geom" ON "{table}"
    WHEN OLD."fid" = NEW."fid" AND (NEW."geom" NOTNULL AND NOT ST_IsEmpty(NEW."geom"))
BEGIN INSERT OR REPLACE INTO "rtree_{table}_geom" VALUES ({new}); END;
CREATE TRIGGER "rtree_{table}_geom_update2" AFTER UPDATE OF "geom" ON "{table}"
    WHEN OLD."fid" = NEW."fid" AND (NEW."geom" ISNULL OR ST_IsEmpty(NEW."geom"))
BEGIN DELETE FROM "rtree_{table}_geom" WHERE id = OLD."fid"; END;
CREATE TRIGGER "rtree_{table}_geom_update3" AFTER UPDATE ON "{table}"
    WHEN OLD."fid" != NEW."fid" AND (NEW."geom" NOTNULL AND NOT ST_IsEmpty(NEW."geom"))
BEGIN DELETE FROM "rtree_{table}_geom" WHERE id = OLD."fid";
    INSERT OR REPLACE INTO "rtree_{table}_geom" VALUES ({new}); END;
CREATE TRIGGER "rtree_{table}_geom_update4" AFTER UPDATE ON "{table}"
    WHEN OLD."fid" != NEW."fid" AND (NEW."geom" ISNULL OR ST_IsEmpty(NEW."geom"))
BEGIN DELETE FROM "rtree_{table}_geom" WHERE id IN (OLD."fid", NEW."fid"); END;
CREATE TRIGGER "rtree_{table}_geom_delete" AFTER DELETE ON "{table}" WHEN old."geom" NOT NULL
BEGIN DELETE FROM "rtree_{table}_geom" WHERE id = OLD."fid"; END;
"""
_NEW = 'NEW."fid", ST_MinX(NEW."geom"), ST_MaxX(NEW."geom"), ST_MinY(NEW."geom"), ST_MaxY(NEW."geom")'
_CUSTOM_CRS_ID = 100_000  # srs_id of a CRS without EPSG code


@dataclass(frozen=True)
class VectorLayer(ABC):
    """A layer of points or polygons.

    Args:
        name: name of the layer: letters, digits and underscores.
        columns: column name -> int, float or str.
        rows: the columns of each feature, and what its class says.
    """

    name: str
    columns: Mapping[str, type]
    rows: Sequence[Mapping[str, Any]]
    kind: ClassVar[str]

    @abstractmethod
    def shape(self, row: Mapping[str, Any]) -> tuple[bytes, Box]:
        """Return a feature as WKB, and its box."""


class Points(VectorLayer):
    """A layer of points: each row has x and y."""

    kind = "POINT"

    def shape(self, row: Mapping[str, Any]) -> tuple[bytes, Box]:
        """Return a point as WKB, and its box."""
        x, y = row["x"], row["y"]
        return struct.pack("<BIdd", 1, _POINT, x, y), (x, x, y, y)


class Polygons(VectorLayer):
    """A layer of polygons: each row has `rings`, the outer one, then the holes; each ends where it starts."""

    kind = "POLYGON"

    def shape(self, row: Mapping[str, Any]) -> tuple[bytes, Box]:
        """Return a polygon as WKB, and its box."""
        rings: Sequence[Ring] = row["rings"]
        parts = [struct.pack("<BII", 1, _POLYGON, len(rings))]
        for ring in rings:
            parts += [struct.pack("<I", len(ring)), *(struct.pack("<dd", *place) for place in ring)]
        xs, ys = zip(*rings[0], strict=True)
        return b"".join(parts), (min(xs), max(xs), min(ys), max(ys))


def write_layers(path: Path, layers: Sequence[VectorLayer], crs: CRS) -> None:
    """Write a file with some layers atomically; the same rows give the same bytes.

    Args:
        path: file to write.
        layers: the layers.
        crs: CRS of all coordinates.

    Raises:
        UserError: if the file is open in another program, or cannot be written.
    """
    for ending in ("-wal", "-journal"):
        if (journal := path.with_name(path.name + ending)).exists():
            raise UserError(f"is open in another program ({journal.name} exists)", path, "close it there")
    try:
        with atomic_path(path) as temporary, closing(sqlite3.connect(temporary)) as file:
            code = _write_crs(file, crs)
            for layer in layers:
                _write_layer(file, layer, code)
            file.commit()
    except sqlite3.Error as error:  # such as a full disk
        raise UserError(f"cannot be written ({error})", path) from None


def _write_crs(file: sqlite3.Connection, crs: CRS) -> int:
    """Write the tables that every file has; return the srs_id of the CRS."""
    file.execute(f"PRAGMA application_id = {_APPLICATION}")
    file.execute(f"PRAGMA user_version = {_VERSION}")
    file.executescript(_TABLES)
    code = int(crs.to_epsg() or _CUSTOM_CRS_ID)
    if code != 4326:
        organisation = "NONE" if code == _CUSTOM_CRS_ID else "EPSG"
        file.execute(
            "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, '')",
            (crs.to_string()[:80], code, organisation, code, crs.to_wkt(version="WKT1_GDAL")),
        )
    return code


def _write_layer(file: sqlite3.Connection, layer: VectorLayer, code: int) -> None:
    names = "".join(f', "{column}"' for column in layer.columns)
    kinds = "".join(f', "{column}" {_SQL_TYPES[kind]}' for column, kind in layer.columns.items())
    shapes = [layer.shape(row) for row in layer.rows]
    boxes = [box for _, box in shapes] or [(0.0, 0.0, 0.0, 0.0)]
    west, east, south, north = (
        pick(side) for pick, side in zip((min, max, min, max), zip(*boxes, strict=True), strict=True)
    )
    file.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, min_x, min_y, max_x, max_y, srs_id) "
        "VALUES (?, 'features', ?, ?, ?, ?, ?, ?)",
        (layer.name, layer.name, west, south, east, north, code),
    )
    file.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, ?, 0, 0)", (layer.name, layer.kind, code))
    file.execute(f'CREATE TABLE "{layer.name}" (fid INTEGER PRIMARY KEY, geom BLOB{kinds})')
    head = struct.pack("<2sBBi", b"GP", 0, 1, code)  # little-endian, without envelope
    file.executemany(
        f'INSERT INTO "{layer.name}" (geom{names}) VALUES (?{", ?" * len(layer.columns)})',  # noqa: S608  # names are the caller's
        [
            (head + shape, *(row[column] for column in layer.columns))
            for (shape, _), row in zip(shapes, layer.rows, strict=True)
        ],
    )
    file.executescript(_INDEX.format(table=layer.name, new=_NEW))
    file.executemany(
        f'INSERT INTO "rtree_{layer.name}_geom" VALUES (?, ?, ?, ?, ?)',  # noqa: S608  # the name is the caller's
        [(number, *box) for number, (_, box) in enumerate(shapes, start=1)],
    )
