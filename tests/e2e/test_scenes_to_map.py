"""From scenes to a map as a user runs it: on generated land, and on scenes and points of one's own."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
from runs import snakemake, write_config

RUN = Path("results", "tiny")
LOOKS = {"west": "Nebraska", "east": "Illinois", "new": "Nebraska"}
CHANGES: dict[str, Any] = {
    "data.generate": None,
    "data.clip": {
        "false_class": "F",
        "least_distance_m": 30,
        "landscape": {"looks": LOOKS, "size_px": 300, "tiles": 2, "roads": 4, "channels": 3},
    },
    "data.regions": {
        area: [
            {"folder": f"{area}/DEM", "bands": ["dem"]},
            {"folder": f"{area}/Aer", "bands": ["red", "green", "blue", "nir"]},
        ]
        for area in ("west", "east")
    },
    "folds.holdout": {"method": "none", "regions": []},
    "grid.space.kernel_size": [3],
    "precisions": {},
    "map": {"areas": {"new": {}}, "precision": "int8", "threshold": 0.1, "overlap": 0.5},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("field")
    snakemake(folder, config=write_config(folder / "field.yaml", CHANGES))
    return folder


def planned(folder: Path, changes: dict[str, Any], *targets: str) -> Counter[str]:
    """Jobs that an edit runs."""
    output = snakemake(folder, "--dry-run", *targets, config=write_config(folder / "edited.yaml", CHANGES | changes))
    lines = [line.split() for line in output.splitlines()]
    return Counter({words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()})


def test_chips_are_cut_around_points_and_drawn_places(folder: Path) -> None:
    results = folder / RUN
    samples = pd.concat(pd.read_parquet(results / "sample_points" / f"{area}.parquet") for area in ("west", "east"))
    kept = samples[samples["reason"].isna()]
    chips = pd.read_parquet(results / "import_chips" / "chips.parquet")
    assert len(chips) == len(kept) > 10
    assert kept["class"].value_counts()["F"] == kept["class"].value_counts()["T"]
    assert (results / "plot_samples" / "sample_map.png").stat().st_size > 10_000


def test_the_map_is_scored_against_the_crossings(folder: Path) -> None:
    results = folder / RUN
    with rasterio.open(results / "apply_model" / "new.tif") as raster:
        assert raster.shape == (13, 13) and raster.descriptions == ("F", "T")
        assert np.isfinite(raster.read(1)).sum() > 100
    crossings = pd.read_csv(results / "generate_landscape" / "new" / "points.csv")
    detections = pd.read_parquet(results / "score_map" / "detections.parquet")
    true = detections["outcome"].isin(["hit", "missed", "uncovered"]).sum()
    assert true == (crossings["class"] == "T").sum()
    assert not list((results / "apply_model").glob("*.partial"))


def test_smaller_files_ran_on_every_fold(folder: Path) -> None:
    results = folder / RUN
    table = pd.read_parquet(results / "measure_precisions" / "precisions.parquet")
    front = pd.read_parquet(results / "build_front" / "front.parquet").set_index("candidate")
    whole = table[table["precision"] == "fp32"].set_index("candidate")["accuracy_pct"]
    # ONNX Runtime and torch add in another order: a chip on the edge may fall to the other side.
    assert (whole - front["accuracy_pct"]).abs().max() < 5
    assert set(table["precision"]) == {"fp32", "fp16", "int8"}


def test_the_report_shows_samples_precisions_and_map(folder: Path) -> None:
    page = (folder / RUN / "build_report" / "report.html").read_text()
    for fragment in ("Chips cut from scenes", "Smaller numbers", 'id="figure-area_maps"', 'id="figure-sample_map"'):
        assert fragment in page


def test_edits_repeat_what_they_touch(folder: Path) -> None:
    assert planned(folder, {}) == {}
    chart = CHANGES["map"]
    assert planned(folder, {"map": chart | {"tolerance_m": 10}}) == Counter(
        score_map=1, plot_map=1, build_report=1, all=1, total=4
    )
    assert planned(folder, {"map": chart | {"threshold": 0.2}}).keys() >= {"apply_model", "score_map"}
    assert "train_fold" not in planned(folder, {"map": chart | {"threshold": 0.2}})
    assert "train_fold" in planned(folder, {"data.clip": CHANGES["data.clip"] | {"jitter_m": 5}})


def test_scenes_and_points_of_one_s_own_give_the_same_chips(folder: Path) -> None:
    land = folder / RUN / "generate_landscape"
    changes = {
        "run": "own",
        "data.clip": {
            "false_class": "F",
            "least_distance_m": 30,
            "points": {area: str(land / area / "points.csv") for area in ("west", "east")},
        },
        "data.regions": {
            area: [
                part | {"scenes": [str(land / area / f"{part['folder'].rpartition('/')[2]}_?.tif")]} for part in parts
            ]
            for area, parts in CHANGES["data.regions"].items()
        },
        "map": {
            "areas": {
                "new": {
                    "layers": [
                        {"bands": ["dem"], "scenes": [str(land / "new" / "DEM_*.tif")]},
                        {"bands": ["red", "green", "blue", "nir"], "scenes": [str(land / "new" / "Aer_*.tif")]},
                    ],
                    "truth": str(land / "new" / "points.csv"),
                }
            }
        },
    }
    jobs = planned(folder, changes)
    assert jobs["clip_chips"] == 8 and jobs["apply_model"] == 1 and "generate_landscape" not in jobs
    snakemake(folder, "data", config=folder / "edited.yaml")
    own, first = (np.load(folder / "results" / run / "import_chips" / "chips.npy") for run in ("own", "tiny"))
    assert np.array_equal(own, first)
