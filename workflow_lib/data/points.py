"""Read labelled points from GeoPackage, GeoJSON and CSV files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rasterio.crs import CRS
from rasterio.warp import transform

from workflow_lib.core.csv_files import read_csv
from workflow_lib.core.errors import UserError
from workflow_lib.data import geopackage
from workflow_lib.data.ground import TRANSFORM_ERRORS
from workflow_lib.data.scene_rasters import named_crs

_CLASS = "class"


def read_points(path: Path, crs: CRS, csv_crs: str | None = None, layer: str | None = None) -> pd.DataFrame:
    """Read labelled points.

    Args:
        path: GeoPackage (.gpkg: the layer of points with a column `class`), GeoJSON (.geojson, .json: points with a
            property `class`; WGS 84 unless the file names a CRS, as older ones do) or CSV (x, y, class).
        crs: CRS of the result.
        csv_crs: CRS of the coordinates in a CSV file; None: `crs`.
        layer: layer of a GeoPackage; None: the only one.

    Returns:
        Columns x, y (in `crs`) and class, in file order.

    Raises:
        UserError: if the file cannot be read, has no point, or a point has no coordinates.
    """
    if path.suffix.lower() == ".gpkg":
        points, file_crs = _read_geopackage(path, layer)
    elif path.suffix.lower() in (".geojson", ".json"):
        points, file_crs = _read_geojson(path)
    elif path.suffix.lower() == ".csv":
        points, file_crs = _read_csv(path), named_crs(csv_crs, path) if csv_crs else crs
    else:
        raise UserError("unknown format of points: use .gpkg, .geojson, .json or .csv", path)
    if points.empty:
        raise UserError("has no point", path)
    _check_coordinates(points, path, crs)
    if file_crs != crs:
        try:
            points["x"], points["y"] = transform(file_crs, crs, points["x"], points["y"])
        except TRANSFORM_ERRORS as error:
            raise UserError(
                f"its points cannot be read as {file_crs.to_string()} ({error})", path, "name the CRS of the file"
            ) from None
        _check_coordinates(points, path, crs)
    return points


def _check_coordinates(points: pd.DataFrame, path: Path, crs: CRS) -> None:
    undefined = ~np.isfinite(points[["x", "y"]].to_numpy(dtype=float)).all(1)
    if undefined.any():
        raise UserError(f"point {int(undefined.argmax()) + 1} has no coordinates in {crs.to_string()}", path)


def _read_geopackage(path: Path, layer: str | None) -> tuple[pd.DataFrame, CRS]:
    rows, crs = geopackage.read_points(path, [_CLASS], layer)
    return pd.DataFrame(rows, columns=["x", "y", _CLASS]).astype({_CLASS: str}), crs


def _read_geojson(path: Path) -> tuple[pd.DataFrame, CRS]:
    try:
        collection: dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig"))
        rows = [_geojson_row(feature, number, path) for number, feature in enumerate(collection["features"], start=1)]
        name = (collection.get("crs") or {}).get("properties", {}).get("name", "OGC:CRS84")
    except FileNotFoundError:
        raise UserError("no such file", path) from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise UserError(
            f"not a GeoJSON file of points with a property `class` ({type(error).__name__}: {error})", path
        ) from None
    return pd.DataFrame(rows, columns=["x", "y", _CLASS]), named_crs(name, path)


def _geojson_row(feature: dict[str, Any], number: int, path: Path) -> tuple[float, float, str]:
    """Return x, y and class of one feature: a point, or a MultiPoint with a single one."""
    name = f"feature {number}" + (f" (id {feature['id']})" if "id" in feature else "")
    geometry, properties = feature["geometry"], feature.get("properties") or {}
    if not geometry:
        raise UserError(f"not a GeoJSON file of points: {name} has no geometry", path)
    kind = geometry["type"]
    if kind not in ("Point", "MultiPoint") or (kind == "MultiPoint" and len(geometry["coordinates"]) != 1):
        raise UserError(f"holds a {kind} ({name}) instead of a point", path)
    place = geometry["coordinates"] if kind == "Point" else geometry["coordinates"][0]
    if (label := properties.get(_CLASS)) is None:
        raise UserError(f"{name} has no property `class`", path)
    whole = isinstance(label, float) and label.is_integer()
    return float(place[0]), float(place[1]), str(int(label) if whole else label)


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        return read_csv(path)[["x", "y", _CLASS]].astype({"x": float, "y": float, _CLASS: str})
    except FileNotFoundError:
        raise UserError("no such file", path) from None
    except (ValueError, KeyError) as error:
        raise UserError(f"not a table with the columns x, y and class ({error})", path) from None
