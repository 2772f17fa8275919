"""One page for each map: what was found where, how sure the model is, and whether it was made for these scenes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rasterio

from workflow_lib.field.abstention import DONT_KNOW, NO_CLASS
from workflow_lib.field.description import Description
from workflow_lib.report.map_pictures import (
    Imagery,
    classes_layer,
    probability_layer,
)
from workflow_lib.report.page_parts import figure_address, page_environment
from workflow_lib.report.plots.drift_plots import map_drift
from workflow_lib.report.plots.scene_plots import map_scores
from workflow_lib.report.text_table import TextTable, make_table

PICTURES = 12
"""Number of places with a picture in each part of the page."""

_OUTCOMES = {"hit": "hits", "false alarm": "false alarms", "missed": "missed", "uncovered": "not covered by the map"}

MAX_MARKS = 3000
"""Number of places that the page marks on the map."""


@dataclass(frozen=True)
class MapResults:
    """Results of one area.

    Args:
        area: its name.
        model: the model that was applied.
        probability: probability map.
        classes: map of the most probable class.
        detections: rows of DETECTIONS of the area.
        scores: rows of MAP_SCORES of the area; none if the true places are unknown.
        drift: rows of DRIFT of the area.
        scenes: scenes to show.
    """

    area: str
    model: Description
    probability: Path
    classes: Path
    detections: pd.DataFrame
    scores: pd.DataFrame
    drift: pd.DataFrame
    scenes: Sequence[Path]


def render_map(results: MapResults) -> str:
    """Render the page of a map: a complete HTML document that loads no other file."""
    imagery = Imagery(results.scenes, results.probability)
    targets = [name for name in results.model.classes if name != results.model.background]
    layers = [
        *(probability_layer(imagery, results.probability, name) for name in targets),
        classes_layer(imagery, results.classes),
    ]
    width, height = imagery.size_px
    marks = results.detections.iloc[:MAX_MARKS]
    return (
        page_environment("templates")
        .get_template("map_page.html.j2")
        .render(
            area=results.area,
            model=results.model,
            imagery=imagery,
            width=width,
            height=height,
            layers=layers,
            marks=[_mark(row, imagery) for row in marks.to_dict("records")],
            hidden_marks=len(results.detections) - len(marks),
            counts=_counts(results),
            galleries=_galleries(results, imagery),
            drift=figure_address(map_drift(results.drift)) if len(results.drift) else None,
            drift_table=_drift_table(results.drift),
            scores=figure_address(map_scores(results.scores)) if len(results.scores) else None,
            applied=_applied(results.scores),
        )
    )


def _mark(row: Mapping[Any, Any], imagery: Imagery) -> dict[str, Any]:
    x, y = imagery.place(row["x"], row["y"])
    return {"x": x, "y": y, "outcome": row["outcome"].replace(" ", "-"), "title": _describe(row)}


def _describe(row: Mapping[Any, Any]) -> str:
    """Describe a place in words."""
    sure = f", probability {row['probability']:.3f}" if pd.notna(row["probability"]) else ""
    outcome = "" if row["outcome"] == "unknown" else f", {row['outcome']}"
    return f"{row['class']}{sure}{outcome}; x {row['x']:.0f} m, y {row['y']:.0f} m"


def _counts(results: MapResults) -> dict[str, Any]:
    """Count windows and places."""
    with rasterio.open(results.classes) as raster:
        classes, threshold = raster.read(1), float(raster.tags()["ABSTAIN_BELOW"])
    known = int((classes != NO_CLASS).sum())
    abstained = int((classes == len(results.model.classes)).sum())
    outcomes = results.detections["outcome"].value_counts()
    return {
        "windows": classes.size,
        "known": known,
        "abstained": abstained,
        "abstained_pct": 100 * abstained / known if known else 0.0,
        "threshold": threshold,
        "dont_know": DONT_KNOW,
        "found": int(results.detections["probability"].notna().sum()),
        "outcomes": [f"{outcomes[name]} {words}" for name, words in _OUTCOMES.items() if name in outcomes],
    }


def _galleries(results: MapResults, imagery: Imagery) -> list[dict[str, Any]]:
    """Choose the places that are shown with a picture, and draw them."""
    found = results.detections.dropna(subset=["probability"]).sort_values("probability", ascending=False)
    missed = results.detections[results.detections["outcome"] == "missed"]
    last = found.iloc[PICTURES:].iloc[::-1] if len(found) > PICTURES else found.iloc[:0]
    parts = {
        "Most certain places": found,
        "Least certain places that are reported": last,
        "True places that were missed": missed,
    }
    return [
        {"title": title, "cards": _cards(rows.iloc[:PICTURES], results.model, imagery)}
        for title, rows in parts.items()
        if len(rows)
    ]


def _cards(rows: pd.DataFrame, model: Description, imagery: Imagery) -> list[dict[str, str]]:
    places = list(rows[["x", "y"]].itertuples(index=False, name=None))
    pictures = imagery.around(places, model.resolution_m or 1.0, model.size_px)
    return [
        {"address": picture, "text": _describe(row)}
        for picture, row in zip(pictures, rows.to_dict("records"), strict=True)
    ]


def _drift_table(drift: pd.DataFrame) -> TextTable:
    def interval(where: str) -> list[str]:
        return [
            f"{low:.4g} to {high:.4g}" for low, high in drift[[f"{where}_low", f"{where}_high"]].itertuples(index=False)
        ]

    ratios = [f"{ratio:.2f}" if np.isfinite(ratio) else "" for ratio in drift["contrast_ratio"].astype(float)]
    return make_table(
        {
            "Band": drift["band"],
            "Most similar region": drift["region"],
            "Stability index": [f"{value:.2f}" for value in drift["psi"]],
            "Limit": [f"{value:.2f}" for value in drift["psi_limit"]],
            "In the scenes (5 to 95 %)": interval("found"),
            "In training": interval("trained"),
            "Outside of all training values (%)": [f"{value:.1f}" for value in drift["outside_pct"]],
            "Contrast, relative to training": ratios,
        },
        texts=2,
    )


def _applied(scores: pd.DataFrame) -> Mapping[Any, Any] | None:
    """Return the scores at the applied threshold, the lowest; None if they are unknown."""
    return None if scores.empty else scores.sort_values("threshold").to_dict("records")[0]
