"""The entry of a bundle in a catalog of geospatial data: a STAC item with the machine learning model extension.

Source: STAC 1.1; MLM extension 1.5.2.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rasterio.warp import transform_bounds

from workflow_lib import SOFTWARE
from workflow_lib.core.files import write_text
from workflow_lib.data.ground import TRANSFORM_ERRORS
from workflow_lib.field.bundle import SBOM, STAC_ITEM
from workflow_lib.field.description import STANDALONE_FILES
from workflow_lib.field.standalone import chips_at_once

_EXTENSIONS = [
    "https://stac-extensions.github.io/mlm/v1.5.2/schema.json",
    # Version 1.5.2 of the extension finds the names of bands here, or where STAC 1.1 does not allow them.
    "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
]
_ONNX = "application/octet-stream; framework=onnx"


def write_stac_item(description: Mapping[str, Any], chips: pd.DataFrame, folder: Path) -> None:
    """Write the item into the folder of a bundle.

    Its area is the rectangle around the training chips. The time has no limits, because chips do not state when they
    were recorded; the extension's own examples do the same.

    Args:
        description: content of the bundle's `bundle.json`.
        chips: rows of CHIPS, with bounds in the chips' own CRS.
        folder: folder of the bundle.
    """
    item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": _EXTENSIONS,
        "id": description["candidate"],
        **_area(chips),
        "properties": _properties(description, chips_at_once(folder)),
        "links": [],
        "assets": _assets(description["input"]["bands"]),
    }
    write_text(folder / STAC_ITEM, json.dumps(item, indent=2) + "\n")


def _area(chips: pd.DataFrame) -> dict[str, Any]:
    """Return the rectangle around all chips (degrees, WGS 84); no geometry if a CRS does not say where they are."""
    boxes = []
    for crs, part in chips.groupby("crs"):
        corners = part["left"].min(), part["bottom"].min(), part["right"].max(), part["top"].max()
        try:
            boxes.append(transform_bounds(str(crs), "EPSG:4326", *map(float, corners)))
        except (*TRANSFORM_ERRORS, ValueError):
            return {"geometry": None}
    box = [*np.min(boxes, axis=0)[:2].tolist(), *np.max(boxes, axis=0)[2:].tolist()]
    if not np.isfinite(box).all():
        return {"geometry": None}
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": box}


def _properties(description: Mapping[str, Any], chips_at_once: int) -> dict[str, Any]:
    given, training = description["input"], description["training"]
    side_px, classes = given["shape"][2], description["output"]["classes"]
    return {
        "description": f"Distinguishes {' from '.join(classes)} on raster chips.",
        "datetime": None,
        "start_datetime": "1900-01-01T00:00:00Z",
        "end_datetime": "9999-12-31T23:59:59Z",
        **({"license": description["licence"]} if description["licence"] else {}),
        **({} if given["resolution_m"] is None else {"gsd": given["resolution_m"]}),
        "providers": [{"name": f"{SOFTWARE['name']} {SOFTWARE['version']}", "roles": ["processor"]}],
        "mlm:name": f"{SOFTWARE['name']} {description['candidate']}",  # must begin with a letter
        "mlm:architecture": description["architecture"],
        "mlm:tasks": ["scene-classification"],
        "mlm:framework": "ONNX",
        "mlm:pretrained": False,
        "mlm:hyperparameters": {key: training[key] for key in ("kept_epoch", "batch", "learning_rate")},
        "mlm:input": [
            {
                "name": "raw values, NaN where a value is missing",
                "bands": given["bands"],
                "input": {
                    "shape": [chips_at_once, len(given["bands"]), side_px, side_px],
                    "dim_order": ["batch", "bands", "height", "width"],
                    "data_type": "float32",
                },
            }
        ],
        "mlm:output": [
            {
                "name": "calibrated probability of each class",
                "tasks": ["scene-classification"],
                "result": {
                    "shape": [chips_at_once, len(classes)],
                    "dim_order": ["batch", "class"],
                    "data_type": "float32",
                },
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
