"""Areas of a map as polygons: where the model abstained, and where there is no data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.features import shapes

from workflow_lib.data.geopackage_writer import Polygons


def areas_of(classes_map: Path, names: Mapping[int, str]) -> list[Polygons]:
    """Return a layer with the connected areas of each of some classes, with the column `area_m2`.

    Args:
        classes_map: GeoTIFF of `map_files.write_classes`.
        names: number of a class -> name of its layer.
    """
    with rasterio.open(classes_map) as raster:
        values, transform = raster.read(1), raster.transform
    rows: dict[int, list[dict[str, Any]]] = {number: [] for number in names}
    for area, number in shapes(values, mask=np.isin(values, list(names)), transform=transform):
        rings = area["coordinates"]
        rows[int(number)].append({"rings": rings, "area_m2": _area(rings)})
    return [Polygons(name, {"area_m2": float}, rows[number]) for number, name in names.items()]


def _area(rings: Any) -> float:
    """Compute the area within the outer ring, without the holes (shoelace formula)."""

    def inside(ring: Any) -> float:
        x, y = (np.array(part) - part[0] for part in zip(*ring, strict=True))
        return float(abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2)

    return inside(rings[0]) - sum(map(inside, rings[1:]))
