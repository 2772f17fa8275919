"""The entry of a bundle in a catalog of geospatial data: a STAC item with the machine learning model extension.

Source: STAC 1.1; MLM extension 1.5.2.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rasterio.warp import transform_bounds

from workflow_lib import SOFTWARE
from workflow_lib.core.files import write_text
from workflow_lib.field.bundle import SBOM, STAC_ITEM
from workflow_lib.field.description import STANDALONE_FILES

_EXTENSIONS = [
    "https://stac-extensions.github.io/mlm/v1.5.2/schema.json",
    # Version 1.5.2 of the extension finds the names of bands here, or where STAC 1.1 does not allow them.
    "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
]
_ONNX = "application/octet-stream; framework=onnx"


def write_stac_item(description: Mapping[str, Any], chips: pd.DataFrame, folder: Path) -> None:
    """Write the item into the folder of a bundle.

    Its area is that of the training chips. The time has no limits, because chips do not state when they were recorded;
    the extension's own examples do the same.

    Args:
        description: content of the bundle's `bundle.json`.
        chips: rows of CHIPS, with bounds in the chips' own CRS.
        folder: folder of the bundle.
    """
    west, south, east, north = box = _bounds(chips)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": _EXTENSIONS,
        "id": description["candidate"],
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": box,
        "properties": _properties(description),
        "links": [],
        "assets": _assets(description["input"]["bands"]),
    }
    write_text(folder / STAC_ITEM, json.dumps(item, indent=2) + "\n")


def _bounds(chips: pd.DataFrame) -> list[float]:
    """Return west, south, east and north of all chips (degrees, WGS 84)."""
    boxes = []
    for crs, part in chips.groupby("crs"):
        corners = part["left"].min(), part["bottom"].min(), part["right"].max(), part["top"].max()
        boxes.append(transform_bounds(str(crs), "EPSG:4326", *map(float, corners)))
    lows, highs = zip(*((box[:2], box[2:]) for box in boxes), strict=True)
    return [*map(min, zip(*lows, strict=True)), *map(max, zip(*highs, strict=True))]


def _properties(description: Mapping[str, Any]) -> dict[str, Any]:
    given, training = description["input"], description["training"]
    side_px, classes = given["shape"][2], description["output"]["classes"]
    return {
        "description": f"Distinguishes {' from '.join(classes)} on raster chips.",
        "datetime": None,
        "start_datetime": "1900-01-01T00:00:00Z",
        "end_datetime": "9999-12-31T23:59:59Z",
        "gsd": given["resolution_m"],
        "providers": [{"name": f"{SOFTWARE['name']} {SOFTWARE['version']}", "roles": ["processor"]}],
        "mlm:name": f"{SOFTWARE['name']} {description['candidate']}",  # must begin with a letter
        "mlm:architecture": description["architecture"],
        "mlm:tasks": ["scene-classification"],
        "mlm:framework": "ONNX",
        "mlm:pretrained": False,
        "mlm:hyperparameters": {key: training[key] for key in ("epochs", "batch", "learning_rate")},
        "mlm:input": [
            {
                "name": "raw values, NaN where a value is missing",
                "bands": given["bands"],
                "input": {
                    "shape": [-1, len(given["bands"]), side_px, side_px],
                    "dim_order": ["batch", "bands", "height", "width"],
                    "data_type": "float32",
                },
            }
        ],
        "mlm:output": [
            {
                "name": "calibrated probability of each class",
                "tasks": ["scene-classification"],
                "result": {"shape": [-1, len(classes)], "dim_order": ["batch", "class"], "data_type": "float32"},
                "classification:classes": [
                    {"value": number, "name": name, "description": name} for number, name in enumerate(classes)
                ],
            }
        ],
    }


def _assets(bands: Sequence[str]) -> dict[str, Any]:
    several, *_ = STANDALONE_FILES
    model = {
        "href": f"./{several}",
        "type": _ONNX,
        "title": "from raw bands to calibrated probabilities",
        "roles": ["mlm:model"],
        "mlm:artifact_type": "onnx",
        "eo:bands": [{"name": name} for name in bands],
    }
    described = {
        "model_card": ("./model_card.md", "text/markdown"),
        "bill_of_materials": (f"./{SBOM}", "application/vnd.cyclonedx+json"),
    }
    others = {key: {"href": href, "type": kind, "roles": ["metadata"]} for key, (href, kind) in described.items()}
    return {"model": model} | others
