"""How well places that a model found match true ones."""

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

_THRESHOLDS = 20
_LEVEL = 0.95


def read_map(
    detections: Path, probability: Path, truth: Path | None, background: str | None, tolerance_m: float
) -> pd.DataFrame:
    """Read what was found in an area, and say what became of it.

    Args:
        detections: GeoPackage of apply_model.
        probability: its GeoTIFF.
        truth: true places; None: unknown.
        background: class that is nothing, whose places do not count.
        tolerance_m: see `match`.

    Returns:
        Rows of DETECTIONS without the area: what was found, by falling probability, then what was missed or uncovered.
    """
    rows, crs = read_geopackage(detections, ["class", "probability"])
    rows.sort(key=lambda row: -row["probability"])
    found = pd.DataFrame(rows, columns=["x", "y", "class", "probability"])
    if truth is None:
        return found.assign(outcome="unknown")
    true = read_points(truth, crs)
    with rasterio.open(probability) as raster:
        values = np.array([value[0] for value in raster.sample(true[["x", "y"]].to_numpy(), indexes=[1])])
    covered = np.isfinite(values)
    wanted = true["class"] != background
    reached = true[wanted & covered].reset_index(drop=True)
    hits, taken = match(found, reached, tolerance_m)
    missed = reached[~taken].assign(probability=np.nan, outcome="missed")
    uncovered = true[wanted & ~covered].assign(probability=np.nan, outcome="uncovered")
    judged = found.assign(outcome=np.where(hits, "hit", "false alarm"))
    places: pd.DataFrame = pd.concat([judged, missed, uncovered], ignore_index=True)
    return places


def match(found: pd.DataFrame, true: pd.DataFrame, tolerance_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Give each place found, the most probable first, the nearest true place of its class that is not yet taken.

    Args:
        found: x, y, class, by falling probability.
        true: x, y, class.
        tolerance_m: between the two, at most.

    Returns:
        Which of `found` are hits, and which of `true` are taken.
    """
    hits, taken = np.zeros(len(found), dtype=bool), np.zeros(len(true), dtype=bool)
    if not len(true):
        return hits, taken
    tree = KDTree(true[["x", "y"]].to_numpy(dtype=float))
    labels = true["class"].to_numpy()
    for number, place in enumerate(found.to_dict("records")):
        near = [
            other
            for other in tree.query_ball_point((place["x"], place["y"]), tolerance_m)
            if not taken[other] and labels[other] == place["class"]
        ]
        if near:
            distances = np.hypot(*(tree.data[near] - (place["x"], place["y"])).T)
            taken[near[int(distances.argmin())]] = hits[number] = True
    return hits, taken


def score_map(area: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Precision and recall at the threshold and above.

    Args:
        area: rows of DETECTIONS, with known outcomes.
        threshold: that was applied.

    Returns:
        Rows of MAP_SCORES without the area. A hit stays one at higher thresholds, because what is matched first is more
        probable. Intervals are Wilson's (1927), and take places for independent.
    """
    outcomes = area["outcome"].value_counts()
    true = int(outcomes.get("hit", 0) + outcomes.get("missed", 0))
    rows = []
    for least in np.linspace(threshold, 1, _THRESHOLDS, endpoint=False) if threshold < 1 else [threshold]:
        found = area[area["probability"] >= least]
        hits = int((found["outcome"] == "hit").sum())
        row = {
            "threshold": float(least), "found": len(found), "hits": hits, "true_places": true,
            "uncovered": int(outcomes.get("uncovered", 0)),
            "f1_pct": 200 * hits / (len(found) + true) if len(found) + true else None,
        }  # fmt: skip
        rows.append(row | _share("precision", hits, len(found)) | _share("recall", hits, true))
    scores = pd.DataFrame(rows)
    return scores.astype({name: float for name in map(str, scores) if name.endswith("_pct")})


def _share(name: str, hits: int, of: int) -> dict[str, Any]:
    if not of:
        return dict.fromkeys([f"{name}_pct", f"{name}_low_pct", f"{name}_high_pct"])
    interval = binomtest(hits, of).proportion_ci(_LEVEL, "wilson")
    low, high = max(0.0, float(interval.low)), min(1.0, float(interval.high))
    return {f"{name}_pct": 100 * hits / of, f"{name}_low_pct": 100 * low, f"{name}_high_pct": 100 * high}


def score_areas(
    names: Sequence[str],
    detections: Sequence[Path],
    probabilities: Sequence[Path],
    truths: dict[str, Path],
    background: str | None,
    tolerance_m: float,
    threshold: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judge the maps of several areas.

    Args:
        names: of the areas.
        detections, probabilities: their files, in the same order.
        truths: area -> its true places, where they are known.
        background: class that is nothing.
        tolerance_m, threshold: see `match`, `score_map`.

    Returns:
        Rows of DETECTIONS and of MAP_SCORES.
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
