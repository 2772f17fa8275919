"""Labelled points from the files in which people keep them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rasterio._err import CPLE_BaseError  # what `transform` raises has no public name
from rasterio.crs import CRS
from rasterio.warp import transform

from workflow_lib.core.errors import UserError
from workflow_lib.data import geopackage
from workflow_lib.data.scenes import named_crs

_CLASS = "class"


def read_points(path: Path, crs: CRS, csv_crs: str | None = None) -> pd.DataFrame:
    """Read labelled points.

    Args:
        path: GeoPackage (.gpkg: the first layer of points with a column `class`), GeoJSON (.geojson, .json: points
            with a property `class`; WGS 84 unless it names a CRS, as old ones do) or CSV (x, y, class).
        crs: wanted.
        csv_crs: of a CSV file's coordinates; None: `crs`.

    Returns:
        x, y (in `crs`), class, in the file's order.

    Raises:
        UserError: if the file cannot be read, holds no point or one without coordinates.
    """
    readers = {".gpkg": _read_geopackage, ".geojson": _read_geojson, ".json": _read_geojson}
    if path.suffix.lower() in readers:
        points, own = readers[path.suffix.lower()](path)
    elif path.suffix.lower() == ".csv":
        points, own = _read_csv(path), named_crs(csv_crs, path) if csv_crs else crs
    else:
        raise UserError("no file of points: .gpkg, .geojson or .csv are known", path)
    if points.empty:
        raise UserError("has no point", path)
    _refuse_nowhere(points, path, crs)
    if own != crs:
        try:
            points["x"], points["y"] = transform(own, crs, points["x"], points["y"])
        except CPLE_BaseError as error:
            raise UserError(f"its points do not lie in {own.to_string()} ({error})", path, "name its CRS") from None
        _refuse_nowhere(points, path, crs)
    return points


def _refuse_nowhere(points: pd.DataFrame, path: Path, crs: CRS) -> None:
    nowhere = ~np.isfinite(points[["x", "y"]].to_numpy(dtype=float)).all(1)
    if nowhere.any():
        raise UserError(f"point {int(nowhere.argmax()) + 1} has no place in {crs.to_string()}", path)


def _read_geopackage(path: Path) -> tuple[pd.DataFrame, CRS]:
    rows, crs = geopackage.read_points(path, [_CLASS])
    return pd.DataFrame(rows, columns=["x", "y", _CLASS]).astype({_CLASS: str}), crs


def _read_geojson(path: Path) -> tuple[pd.DataFrame, CRS]:
    try:
        collection: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        rows = [
            (*map(float, feature["geometry"]["coordinates"][:2]), str(feature["properties"][_CLASS]))
            for feature in collection["features"]
            if feature["geometry"]["type"] == "Point" or _refuse(feature["geometry"]["type"], path)
        ]
        name = (collection.get("crs") or {}).get("properties", {}).get("name", "OGC:CRS84")
    except FileNotFoundError:
        raise UserError("no such file", path) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"no GeoJSON of points with a property `class` ({type(error).__name__}: {error})", path
        ) from None
    return pd.DataFrame(rows, columns=["x", "y", _CLASS]), named_crs(name, path)


def _refuse(kind: str, path: Path) -> bool:
    raise UserError(f"holds a {kind}, and points are needed", path)


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, dtype={_CLASS: str}, keep_default_na=False)
        frame = frame[["x", "y", _CLASS]].astype({"x": float, "y": float})
    except FileNotFoundError:
        raise UserError("no such file", path) from None
    except (ValueError, KeyError, pd.errors.ParserError) as error:
        raise UserError(f"no table of x, y and class ({error})", path) from None
    return frame
