"""Score the places that a model found against the true places."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rasterio
from scipy.spatial import KDTree
from scipy.stats import binomtest

from workflow_lib.data.geopackage import read_points as read_geopackage
from workflow_lib.data.points import read_points
from workflow_lib.field.field_tables import DRIFT

_THRESHOLD_COUNT = 20
_CONFIDENCE = 0.95


def read_map(
    detections: Path, probability: Path, truth: Path | None, background: str | None, tolerance_m: float
) -> pd.DataFrame:
    """Read the places found in an area and determine the outcome of each.

    Args:
        detections: GeoPackage written by apply_model.
        probability: GeoTIFF written by apply_model.
        truth: file of true places; None: unknown.
        background: background class; its true places are ignored.
        tolerance_m: see `match`.

    Returns:
        Rows of DETECTIONS without the area: the places found, most probable first, then missed and uncovered places.
    """
    rows, crs = read_geopackage(detections, ["class", "probability"])
    rows.sort(key=lambda row: -row["probability"])
    found = pd.DataFrame(rows, columns=["x", "y", "class", "probability"])
    if truth is None:
        return found.assign(outcome="unknown")
    true = read_points(truth, crs)
    with rasterio.open(probability) as raster:
        values = np.array([value[0] for value in raster.sample(true[["x", "y"]].to_numpy(), indexes=[1])])
    is_covered = np.isfinite(values)
    is_target = true["class"] != background
    covered = true[is_target & is_covered].reset_index(drop=True)
    hits, matched = match(found, covered, tolerance_m)
    missed = covered[~matched].assign(probability=np.nan, outcome="missed")
    uncovered = true[is_target & ~is_covered].assign(probability=np.nan, outcome="uncovered")
    outcomes = found.assign(outcome=np.where(hits, "hit", "false alarm"))
    places: pd.DataFrame = pd.concat([outcomes, missed, uncovered], ignore_index=True)
    return places


def match(found: pd.DataFrame, true: pd.DataFrame, tolerance_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Match each found place, most probable first, with the nearest unmatched true place of its class.

    Args:
        found: columns x, y and class, sorted by decreasing probability.
        true: columns x, y and class.
        tolerance_m: maximum distance between a found place and its true place (m).

    Returns:
        (found,) bool, which found places are hits, and (true,) bool, which true places are matched.

    >>> true = pd.DataFrame({"x": [0.0, 9.0], "y": [0.0, 0.0], "class": ["T", "T"]})
    >>> hits, matched = match(true.assign(y=[3.0, 50.0]), true, tolerance_m=5)
    >>> hits.tolist(), matched.tolist()
    ([True, False], [True, False])
    """
    hits, matched = np.zeros(len(found), dtype=bool), np.zeros(len(true), dtype=bool)
    if not len(true):
        return hits, matched
    tree = KDTree(true[["x", "y"]].to_numpy(dtype=float))
    labels = true["class"].to_numpy()
    for index, place in enumerate(found.to_dict("records")):
        near = [
            other
            for other in tree.query_ball_point((place["x"], place["y"]), tolerance_m)
            if not matched[other] and labels[other] == place["class"]
        ]
        if near:
            distances = np.hypot(*(tree.data[near] - (place["x"], place["y"])).T)
            matched[near[int(distances.argmin())]] = hits[index] = True
    return hits, matched


def score_map(area: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Compute precision and recall at the applied threshold and at higher ones.

    Args:
        area: rows of DETECTIONS with known outcomes.
        threshold: the threshold that was applied.

    Returns:
        Rows of MAP_SCORES without the area. A hit remains a hit at higher thresholds, because more probable places are
        matched first. The intervals are Wilson's (1927) and assume that places are independent.
    """
    outcomes = area["outcome"].value_counts()
    true = int(outcomes.get("hit", 0) + outcomes.get("missed", 0))
    rows = []
    for bound in np.linspace(threshold, 1, _THRESHOLD_COUNT, endpoint=False) if threshold < 1 else [threshold]:
        found = area[area["probability"] >= bound]
        hits = int((found["outcome"] == "hit").sum())
        row = {
            "threshold": float(bound), "found": len(found), "hits": hits, "true_places": true,
            "uncovered": int(outcomes.get("uncovered", 0)),
            "f1_pct": 200 * hits / (len(found) + true) if len(found) + true else None,
        }  # fmt: skip
        rows.append(row | _share("precision", hits, len(found)) | _share("recall", hits, true))
    scores = pd.DataFrame(rows)
    return scores.astype({name: float for name in map(str, scores) if name.endswith("_pct")})


def _share(name: str, hits: int, total: int) -> dict[str, Any]:
    if not total:
        return dict.fromkeys([f"{name}_pct", f"{name}_low_pct", f"{name}_high_pct"])
    interval = binomtest(hits, total).proportion_ci(_CONFIDENCE, "wilson")
    low, high = max(0.0, float(interval.low)), min(1.0, float(interval.high))
    return {f"{name}_pct": 100 * hits / total, f"{name}_low_pct": 100 * low, f"{name}_high_pct": 100 * high}


def score_areas(
    names: Sequence[str],
    detections: Sequence[Path],
    probabilities: Sequence[Path],
    truths: dict[str, Path],
    background: str | None,
    tolerance_m: float,
    threshold: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score the maps of several areas.

    Args:
        names: names of the areas.
        detections: GeoPackage of each area, in the order of `names`.
        probabilities: GeoTIFF of each area, in the order of `names`.
        truths: area -> file of its true places, for areas where they are known.
        background: background class; its true places are ignored.
        tolerance_m: see `match`.
        threshold: see `score_map`.

    Returns:
        Rows of DETECTIONS and rows of MAP_SCORES.
    """
    maps = {
        name: read_map(places, probability, truths.get(name), background, tolerance_m)
        for name, places, probability in zip(names, detections, probabilities, strict=True)
    }
    scores = [score_map(maps[name], threshold).assign(area=name) for name in truths]
    return (
        pd.concat([places.assign(area=name) for name, places in maps.items()], ignore_index=True),
        pd.concat(scores, ignore_index=True) if scores else pd.DataFrame(),
    )


def read_drift(areas: Sequence[str], files: Sequence[Path]) -> pd.DataFrame:
    """Read the drift of all areas; rows of DRIFT.

    Args:
        areas: names of the areas.
        files: table of each area, written by apply_model (CSV).
    """
    parts = [DRIFT.read(file).assign(area=area) for area, file in zip(areas, files, strict=True)]
    return pd.concat(parts, ignore_index=True)
