"""Labelled points from GeoPackage, GeoJSON and CSV, and the GeoPackages that are written."""

import json
import sqlite3
import struct
from pathlib import Path

import pyogrio
import pytest
from rasterio.crs import CRS
from rasterio.warp import transform

from workflow_lib.core.errors import UserError
from workflow_lib.data import geopackage
from workflow_lib.data.geopackage_writer import Points, Polygons, write_layers
from workflow_lib.data.points import read_points

UTM = CRS.from_epsg(32614)
ROWS = [
    {"x": 600_010.5, "y": 4_500_020.25, "class": "T", "probability": 0.75},
    {"x": 600_500.0, "y": 4_499_000.0, "class": 'it\'s "F"', "probability": 0.5},
]


def write(path: Path, crs: CRS = UTM) -> Path:
    write_layers(path, [Points("places", {"class": str, "probability": float}, ROWS)], crs)
    return path


def edited(path: Path) -> sqlite3.Connection:
    """Open a file to change geometries, without the functions that its spatial index needs."""
    file = sqlite3.connect(path)
    for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        file.execute(f'DROP TRIGGER "{name}"')
    return file


def test_a_geopackage_comes_back(tmp_path: Path) -> None:
    rows, crs = geopackage.read_points(write(tmp_path / "a.gpkg"), ["class", "probability"])
    assert rows == ROWS and crs == UTM


def test_the_same_points_give_the_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "a.gpkg").read_bytes() == write(tmp_path / "b.gpkg").read_bytes()


def test_a_crs_without_a_code_comes_back(tmp_path: Path) -> None:
    own = CRS.from_proj4("+proj=tmerc +lat_0=41.3 +lon_0=-97.1 +k=0.9996 +x_0=500000 +datum=WGS84 +units=m")
    _, crs = geopackage.read_points(write(tmp_path / "a.gpkg", own), ["class"])
    there, back = transform(own, UTM, [500_000], [10_000]), transform(crs, UTM, [500_000], [10_000])
    assert there[0] == pytest.approx(back[0]) and there[1] == pytest.approx(back[1])


def test_the_file_is_a_geopackage_as_the_standard_has_it(tmp_path: Path) -> None:
    with sqlite3.connect(write(tmp_path / "a.gpkg")) as file:
        assert file.execute("PRAGMA application_id").fetchone() == (0x47504B47,)
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert {row[0] for row in file.execute("SELECT srs_id FROM gpkg_spatial_ref_sys")} == {-1, 0, 4326, 32614}
        assert file.execute("SELECT data_type, srs_id, min_x, max_y FROM gpkg_contents").fetchall() == [
            ("features", 32614, 600_010.5, 4_500_020.25)
        ]
        blob = file.execute("SELECT geom FROM places WHERE fid = 1").fetchone()[0]
    assert blob == struct.pack("<2sBBi", b"GP", 0, 1, 32614) + struct.pack("<BIdd", 1, 1, 600_010.5, 4_500_020.25)


def test_gdal_reads_all_layers_by_their_index(tmp_path: Path) -> None:
    square = [(0.0, 0.0), (40.0, 0.0), (40.0, 40.0), (0.0, 40.0), (0.0, 0.0)]
    hole = [(10.0, 10.0), (10.0, 20.0), (20.0, 20.0), (20.0, 10.0), (10.0, 10.0)]
    areas = Polygons("areas", {"area_m2": float}, [{"rings": [square, hole], "area_m2": 1500.0}])
    points = Points("places", {"class": str, "probability": float}, ROWS)
    write_layers(tmp_path / "a.gpkg", [points, areas, Points("nothing", {"class": str}, [])], UTM)
    assert pyogrio.list_layers(tmp_path / "a.gpkg").tolist() == [
        ["places", "Point"], ["areas", "Polygon"], ["nothing", "Point"]
    ]  # fmt: skip
    info = pyogrio.read_info(tmp_path / "a.gpkg", layer="places")
    assert info["crs"] == "EPSG:32614" and info["features"] == 2
    assert info["capabilities"]["fast_spatial_filter"] and info["capabilities"]["fast_total_bounds"]
    _, _, geometry, values = pyogrio.raw.read(
        tmp_path / "a.gpkg", layer="places", bbox=(600_400, 0, 600_600, 5_000_000)
    )
    assert values[0].tolist() == ['it\'s "F"'] and len(geometry) == 1
    _, _, (area,), values = pyogrio.raw.read(tmp_path / "a.gpkg", layer="areas")
    assert struct.unpack_from("<BII", area) == (1, 3, 2) and values[0].tolist() == [1500.0]
    _, _, found, _ = pyogrio.raw.read(tmp_path / "a.gpkg", layer="areas", bbox=(100, 100, 200, 200))
    assert len(found) == 0


def test_an_edit_keeps_the_index_up_to_date(tmp_path: Path) -> None:
    """As GDAL and QGIS edit: they define the functions that the triggers call."""
    path = write(tmp_path / "a.gpkg")
    with sqlite3.connect(path) as file:
        for name, place in {"ST_MinX": 0, "ST_MaxX": 0, "ST_MinY": 1, "ST_MaxY": 1}.items():
            file.create_function(name, 1, lambda blob, place=place: struct.unpack_from("<dd", blob, 13)[place])
        file.create_function("ST_IsEmpty", 1, lambda blob: 0)
        moved = struct.pack("<2sBBi", b"GP", 0, 1, 32614) + struct.pack("<BIdd", 1, 1, 7.0, 8.0)
        file.execute("UPDATE places SET geom = ? WHERE fid = 1", (moved,))
        file.execute("DELETE FROM places WHERE fid = 2")
        assert file.execute("SELECT * FROM rtree_places_geom").fetchall() == [(1, 7.0, 7.0, 8.0, 8.0)]


@pytest.mark.parametrize("kind", [1, 1001, 0x80000001])
def test_points_of_other_writers_are_read(tmp_path: Path, kind: int) -> None:
    """With an envelope, in the other byte order, with heights."""
    path = write(tmp_path / "a.gpkg")
    blob = struct.pack(">2sBBi4d", b"GP", 0, 2, 32614, 0, 1, 0, 1) + struct.pack(">BIddd", 0, kind, 7.0, 8.0, 9.0)
    with edited(path) as file:
        file.execute("UPDATE places SET geom = ?", (blob,))
    assert [(row["x"], row["y"]) for row in geopackage.read_points(path, ["class"])[0]] == [(7.0, 8.0)] * 2


@pytest.mark.parametrize("blob", [None, b"", b"GP", struct.pack("<2sBBiBIdd", b"GP", 0, 1, 0, 1, 2, 0, 0)])
def test_other_geometries_are_refused(tmp_path: Path, blob: bytes | None) -> None:
    path = write(tmp_path / "a.gpkg")
    with edited(path) as file:
        file.execute("UPDATE places SET geom = ?", (blob,))
    with pytest.raises(
        UserError,
        match=r"a\.gpkg: feature 1 of layer places (has an unreadable geometry|has geometry type|has no geometry)",
    ):
        geopackage.read_points(path, ["class"])


def test_csv_geojson_and_geopackage_say_the_same(tmp_path: Path) -> None:
    lon, lat = transform(UTM, CRS.from_epsg(4326), [row["x"] for row in ROWS], [row["y"] for row in ROWS])
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [x, y, 12.0]},
            "properties": {"class": row["class"]},
        }
        for x, y, row in zip(lon, lat, ROWS, strict=True)
    ]
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    (tmp_path / "a.csv").write_text('class,x,y,note\nT,600010.5,4500020.25,\n"it\'s ""F""",600500,4499000,NA\n')
    write(tmp_path / "a.gpkg")
    for name in ("a.csv", "a.geojson", "a.gpkg"):
        points = read_points(tmp_path / name, UTM)
        assert points["class"].tolist() == [row["class"] for row in ROWS], name
        assert points["x"].tolist() == pytest.approx([row["x"] for row in ROWS], abs=1e-3), name
        assert points["y"].tolist() == pytest.approx([row["y"] for row in ROWS], abs=1e-3), name


def test_an_old_geojson_names_its_crs_and_a_csv_has_one_said(tmp_path: Path) -> None:
    collection = {
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32615"}},
        "features": [{"geometry": {"type": "Point", "coordinates": [200_000, 4_500_000]}, "properties": {"class": 1}}],
    }
    (tmp_path / "a.json").write_text(json.dumps(collection))
    (tmp_path / "a.csv").write_text("x,y,class\n200000,4500000,1\n")
    first = read_points(tmp_path / "a.json", UTM)
    second = read_points(tmp_path / "a.csv", UTM, "EPSG:32615")
    assert first.equals(second) and first["class"].tolist() == ["1"]
    assert abs(first["x"][0] - 200_000) > 100_000


@pytest.mark.parametrize(
    ("name", "text", "fragment"),
    [
        ("a.csv", "x,y\n1,2\n", "not a table with the columns x, y and class"),
        ("a.csv", "x,y,class\none,2,T\n", "not a table with the columns x, y and class"),
        ("a.csv", "x,y,class\n", "has no point"),
        ("a.csv", "", "not a readable CSV file"),
        ("a.csv", "x,y,class\n7,1,2,T\n", "line 2 has 4 values for 3 columns"),
        ("a.csv", "x;y;class\n1;2;T\n", "separated by ';'"),
        ("a.csv", "x,y,class,x\n1,2,T,3\n", "two columns are called 'x'"),
        ("a.geojson", "[" * 100_000, "not a GeoJSON file of points"),
        (
            "a.geojson",
            '{"features": [{"geometry": {"type": "Point", "coordinates": [1]}, "properties": {"class": 1}}]}',
            "not a GeoJSON file of points",
        ),
        (
            "a.geojson",
            '{"features": [{"geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {}}]}',
            "feature 1 has no property `class`",
        ),
        ("a.geojson", '{"features": [{"id": "p7", "geometry": null}]}', r"feature 1 \(id p7\) has no geometry"),
        (
            "a.geojson",
            '{"features": [{"geometry": {"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]}}]}',
            "holds a MultiPoint",
        ),
        ("a.csv", "x,y,class\n1,nan,T\n", "point 1 has no coordinates"),
        (
            "a.json",
            '{"features": [{"geometry": {"type": "Point", "coordinates": [6e5, 45e5]}, "properties": {"class": 1}}]}',
            "name the CRS of the file",
        ),
        ("a.geojson", "{", "not a GeoJSON file of points"),
        ("a.geojson", '{"features": [{"geometry": null}]}', "not a GeoJSON file of points"),
        ("a.geojson", '{"features": [{"geometry": {"type": "Polygon"}}]}', "holds a Polygon"),
        ("a.gpkg", "text", "not a readable GeoPackage"),
        ("a.shp", "", "unknown format of points"),
    ],
)
def test_what_holds_no_points_is_refused(tmp_path: Path, name: str, text: str, fragment: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=fragment):
        read_points(tmp_path / name, UTM)


@pytest.mark.parametrize("name", ["a.csv", "a.geojson", "a.gpkg"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=rf"{name}: no such file"):
        read_points(tmp_path / name, UTM)


def add_layer(path: Path, name: str, rows: int, geometry: str = "POINT") -> None:
    """A second layer, with copies of the first one's rows."""
    with sqlite3.connect(path) as file:
        file.execute(f"CREATE TABLE {name} AS SELECT * FROM places LIMIT {rows}")
        file.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, 32614, 0, 0)", (name, geometry))


def test_several_layers_are_named_and_asked_for(tmp_path: Path) -> None:
    """The first by the alphabet is nobody's choice."""
    path = write(tmp_path / "a.gpkg")
    add_layer(path, "a_draft", 1)
    with pytest.raises(UserError, match=r"several layers with class: a_draft \(1 rows\), places \(2 rows\); name one"):
        read_points(path, UTM)
    assert len(read_points(path, UTM, layer="places")) == 2
    assert len(read_points(path, UTM, layer="a_draft")) == 1
    with pytest.raises(UserError, match="has no layer other with class"):
        read_points(path, UTM, layer="other")


@pytest.mark.parametrize("points", [1, 2])
def test_a_collection_of_one_point_is_a_point(tmp_path: Path, points: int) -> None:
    path = write(tmp_path / "a.gpkg")
    blob = struct.pack("<2sBBi", b"GP", 0, 1, 32614) + struct.pack("<BII", 1, 4, points)
    blob += struct.pack("<BIdd", 1, 1, 7.0, 8.0) * points
    with edited(path) as file:
        file.execute("UPDATE places SET geom = ?", (blob,))
        file.execute("UPDATE gpkg_geometry_columns SET geometry_type_name = 'MULTIPOINT'")
    if points == 1:
        assert read_points(path, UTM)["x"].tolist() == [7.0, 7.0]
    else:
        with pytest.raises(UserError, match="feature 1 of layer places holds 2 points instead of one"):
            read_points(path, UTM)


def test_one_null_geometry_is_named_by_its_feature(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg")
    with edited(path) as file:
        file.execute("UPDATE places SET fid = 70 WHERE fid = 2")
        file.execute("UPDATE places SET geom = NULL WHERE fid = 70")
    with pytest.raises(UserError, match="feature 70 of layer places has no geometry"):
        read_points(path, UTM)


@pytest.mark.parametrize(
    ("organization", "number", "definition", "code"),
    [
        ("epsg", 32615, "undefined", 32615),
        ("EPSG", 32615, CRS.from_epsg(32616).to_wkt(), 32615),
        ("NONE", 32615, CRS.from_epsg(32616).to_wkt(), 32616),
        ("OTHER", 1, "undefined", None),
        ("EPSG", 999_999, "undefined", None),
    ],
)
def test_a_key_means_what_its_organization_says(
    tmp_path: Path, organization: str, number: int, definition: str, code: int | None
) -> None:
    """The key of the file is 32614 all the time."""
    path = write(tmp_path / "a.gpkg")
    with sqlite3.connect(path) as file:
        file.execute(
            "UPDATE gpkg_spatial_ref_sys SET organization = ?, organization_coordsys_id = ?, definition = ? "
            "WHERE srs_id = 32614",
            (organization, number, definition),
        )
    if code is None:
        with pytest.raises(UserError, match=r"layer places has no known CRS \(srs_id 32614\); assign one"):
            geopackage.read_points(path, ["class"])
    else:
        assert geopackage.read_points(path, ["class"])[1].to_epsg() == code


def test_what_is_in_the_write_ahead_log_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg")
    file = edited(path)
    file.commit()
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("UPDATE places SET class = 'changed'")
    file.commit()
    assert Path(f"{path}-wal").stat().st_size
    assert set(read_points(path, UTM)["class"]) == {"changed"}
    file.close()


def test_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    text = (
        '{"features": [{"geometry": {"type": "MultiPoint", "coordinates": [[-97, 41]]}, "properties": {"class": 7.0}}]}'
    )
    (tmp_path / "a.geojson").write_text(text, encoding="utf-8-sig")
    (tmp_path / "a.csv").write_text("x,y,class\n1,2,007\n", encoding="utf-8-sig")
    assert read_points(tmp_path / "a.geojson", UTM)["class"].tolist() == ["7"]
    assert read_points(tmp_path / "a.csv", UTM)["class"].tolist() == ["007"]


def test_layers_of_polygons_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg")
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE areas (geom BLOB, class TEXT)")
        file.execute("INSERT INTO gpkg_geometry_columns VALUES ('areas', 'geom', 'POLYGON', 32614, 0, 0)")
    assert len(read_points(path, UTM)) == 2


def test_a_geopackage_without_the_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no layer with class and species"):
        geopackage.read_points(write(tmp_path / "a.gpkg"), ["class", "species"])
