"""From scenes to a map as a user runs it: on generated land, and on scenes and points of one's own."""

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
import rasterio.shutil
from runs import SCENES, ask, snakemake, write_config

from workflow_lib.data.geopackage_writer import Points, write_layers

RUN = Path("results", "field")


def planned(field: Path, changes: dict[str, Any], *targets: str) -> Counter[str]:
    """Jobs that an edit runs."""
    output = ask(field, "--dry-run", *targets, config=write_config(field / "edited.yaml", SCENES | changes))
    lines = [line.split() for line in output.splitlines()]
    return Counter({words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()})


def test_chips_are_cut_around_points_and_drawn_places(field: Path) -> None:
    results = field / RUN
    samples = pd.concat(pd.read_parquet(results / "sample_points" / f"{area}.parquet") for area in ("west", "east"))
    kept = samples[samples["reason"].isna()]
    chips = pd.read_parquet(results / "import_chips" / "chips.parquet")
    assert len(chips) == len(kept) > 10
    assert kept["class"].value_counts()["F"] == kept["class"].value_counts()["T"]
    assert (results / "plot_figure" / "sample_map.png").stat().st_size > 10_000


def test_the_map_is_scored_against_the_crossings(field: Path) -> None:
    results = field / RUN
    with rasterio.open(results / "apply_model" / "new.tif") as raster:
        assert raster.shape == (13, 13) and raster.descriptions == ("F", "T")
        assert np.isfinite(raster.read(1)).sum() > 100
    crossings = pd.read_csv(results / "generate_landscape" / "new" / "points.csv")
    detections = pd.read_parquet(results / "score_map" / "detections.parquet")
    true = detections["outcome"].isin(["hit", "missed", "uncovered"]).sum()
    assert true == (crossings["class"] == "T").sum()
    assert not list((results / "apply_model").glob("*.partial"))
    drift = pd.read_parquet(results / "score_map" / "drift.parquet")
    assert set(drift["area"]) == {"new"} and list(drift["band"]) == ["dem", "red", "green", "blue", "nir"]
    page = (results / "report_map" / "new.html").read_text()
    assert "Map of new" in page and "data:image/jpeg;base64," in page


def test_smaller_files_ran_on_every_fold(field: Path) -> None:
    results = field / RUN
    table = pd.read_parquet(results / "measure_precisions" / "precisions.parquet")
    front = pd.read_parquet(results / "build_front" / "front.parquet").set_index("candidate")
    whole = table[table["precision"] == "fp32"].set_index("candidate")["accuracy_pct"]
    # ONNX Runtime and torch add in another order: a chip on the edge may fall to the other side.
    assert (whole - front["accuracy_pct"]).abs().max() < 5
    assert set(table["precision"]) == {"fp32", "fp16", "int8"}


def test_the_report_shows_samples_precisions_and_map(field: Path) -> None:
    page = (field / RUN / "build_report" / "report.html").read_text()
    for fragment in ("Chips cut from scenes", "Lower precisions", 'id="figure-area_maps"', 'id="figure-sample_map"'):
        assert fragment in page


def test_edits_repeat_what_they_touch(field: Path) -> None:
    assert planned(field, {}) == {}
    chart = SCENES["map"]
    assert planned(field, {"map": chart | {"tolerance_m": 10}}) == Counter(
        score_map=1, plot_figure=3, build_report=1, report_map=1, all=1, total=7
    )
    assert planned(field, {"map": chart | {"threshold": 0.2}}).keys() >= {"apply_model", "score_map"}
    assert "train_fold" not in planned(field, {"map": chart | {"threshold": 0.2}})
    assert "train_fold" in planned(field, {"data.clip": SCENES["data.clip"] | {"jitter_m": 5}})


def test_scenes_and_points_of_one_s_own_give_the_same_chips(field: Path) -> None:
    land = field / RUN / "generate_landscape"
    changes = {
        "run": "own",
        "data.clip": {
            "false_class": "F",
            "min_distance_m": 30,
            "points": {area: str(land / area / "points.csv") for area in ("west", "east")},
        },
        "data.regions": {
            area: [
                part | {"scenes": [str(land / area / f"{part['folder'].rpartition('/')[2]}_?.tif")]} for part in parts
            ]
            for area, parts in SCENES["data.regions"].items()
        },
        "map": {
            "areas": {
                "new": {
                    "layers": [
                        {"bands": ["dem"], "scenes": [str(land / "new" / "DEM_*.tif")]},
                        {"bands": ["red", "green", "blue", "nir"], "scenes": [str(land / "new" / "Aer_*.tif")]},
                    ],
                    "force": True,
                    "truth": str(land / "new" / "points.csv"),
                }
            }
        },
    }
    jobs = planned(field, changes)
    assert jobs["clip_chips"] == 8 and jobs["apply_model"] == 1 and "generate_landscape" not in jobs
    snakemake(field, "data", config=field / "edited.yaml")
    own, first = (np.load(field / "results" / run / "import_chips" / "chips.npy") for run in ("own", "field"))
    assert np.array_equal(own, first)


@pytest.fixture(scope="module")
def own_land(field: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes and points as people have them: a VRT over tiles, a GeoPackage; two hours in the future, by some clock."""
    land = tmp_path_factory.mktemp("land")
    shutil.copytree(field / RUN / "generate_landscape" / "west", land / "west")
    (land / "tiles").mkdir()
    for file in (land / "west").glob("DEM_*.tif"):
        with rasterio.open(file) as raster:
            vrt = rasterio.shutil.copy(raster, file.with_suffix(".vrt"), driver="VRT")
        del vrt
        tile = land / "tiles" / file.name
        file.rename(tile)
        chart = file.with_suffix(".vrt")
        chart.write_text(chart.read_text().replace(">" + file.name + "<", f">../tiles/{file.name}<"))
    points = pd.read_csv(land / "west" / "points.csv").to_dict("records")
    with rasterio.open(next((land / "west").glob("Aer_*.tif"))) as raster:
        write_layers(land / "points.gpkg", [Points("places", {"class": str}, points)], raster.crs)
    future = time.time() + 7200
    for file in land.rglob("*.*"):
        os.utime(file, (future, future))
    config = write_config(
        land / "land.yaml",
        SCENES
        | {
            "data.clip": {
                "false_class": "F",
                "min_distance_m": 30,
                "points": {"west": str(land / "points.gpkg")},
            },
            "data.regions": {
                "west": [
                    {"folder": "west/DEM", "bands": ["dem"], "scenes": [str(land / "west" / "DEM_*.vrt")]},
                    {
                        "folder": "west/Aer",
                        "bands": ["red", "green", "blue", "nir"],
                        "scenes": [str(land / "west" / "Aer_*.tif")],
                    },
                ]
            },
            "map": None,
        },
    )
    snakemake(land, "data", config=config)
    assert jobs_of(land) == {}
    return land


def jobs_of(land: Path) -> dict[str, int]:
    output = ask(land, "--dry-run", "data", config=land / "land.yaml")
    lines = [line.split() for line in output.splitlines()]
    return {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()}


def replace_by_older(file: Path) -> None:
    """As cp -p, rsync -a and restored backups do."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, (1e9, 1e9))


def change_keeping_time(file: Path) -> None:
    status = file.stat()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def edit_in_the_log(file: Path) -> None:
    """As QGIS does while the layer is open: the file itself stays as it is."""
    code = (
        "import os, sqlite3, sys; file = sqlite3.connect(sys.argv[1]);"
        "file.execute('PRAGMA journal_mode = WAL');"
        "file.execute('PRAGMA wal_autocheckpoint = 0');"
        "file.execute('DELETE FROM places WHERE fid = 1');"
        "file.commit();"
        "os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(file)], check=True)
    assert file.with_name(f"{file.name}-wal").stat().st_size > 0


def add(suffix: str) -> Callable[[Path], None]:
    return lambda file: file.with_name(file.name + suffix).write_text("<PAMDataset/>") and None


def add_world_file(file: Path) -> None:
    file.with_suffix(".tfw").write_text("1\n0\n0\n-1\n0\n0\n")


CHANGED: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a scene is replaced by an older one": ("west/Aer_*.tif", replace_by_older),
    "a scene changes and keeps its time": ("west/Aer_*.tif", change_keeping_time),
    "a tile behind a VRT changes": ("tiles/DEM_*.tif", replace_by_older),
    "a mask beside a scene": ("west/Aer_*.tif", add(".msk")),
    "metadata beside a scene": ("west/Aer_*.tif", add(".aux.xml")),
    "overviews beside a scene": ("west/Aer_*.tif", add(".ovr")),
    "a world file beside a scene": ("west/Aer_*.tif", add_world_file),
    "metadata beside a tile behind a VRT": ("tiles/DEM_*.tif", add(".aux.xml")),
    "points are replaced by older ones": ("points.gpkg", replace_by_older),
    "points are edited through the write-ahead log": ("points.gpkg", edit_in_the_log),
    "a scene is gone": ("west/Aer_*.tif", Path.unlink),
}


@pytest.mark.parametrize("case", CHANGED)
def test_every_way_to_change_a_file_is_noticed(case: str, own_land: Path) -> None:
    pattern, change = CHANGED[case]
    file = min(own_land.glob(pattern))
    before = {path: path.read_bytes() for path in file.parent.glob("*.*") if path.is_file()}
    change(file)
    jobs = jobs_of(own_land)
    assert jobs.keys() >= {"sample_points", "clip_chips", "import_chips", "assign_folds"}, jobs
    for path in [*file.parent.glob("*.*")]:
        if path.is_file() and path not in before:
            path.unlink()
    for path, content in before.items():
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
    assert jobs_of(own_land) == {}, "the same content under other times is no change"
