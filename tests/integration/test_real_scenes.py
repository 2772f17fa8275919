"""From scenes to chips by the real commands: on real imagery, and with what can be wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform
from stage_runs import assert_refused, files_under, run_stage

from workflow_lib.core.arguments import flags
from workflow_lib.data.chip_tables import SAMPLES
from workflow_lib.data.data_config import ClipConfig

BANDS = ["red", "green", "blue", "nir"]
SIZE = 40


def clip(**options: Any) -> list[str]:
    return flags(ClipConfig.model_validate({"resolution_m": 5.0} | options))


def folders(scene: Path | str, folder: str = "Aer") -> str:
    return json.dumps([{"folder": folder, "bands": BANDS, "scenes": [str(scene)], "resampling": "nearest"}])


def sample(scene: Path | str, points: Path, cwd: Path, *more: str) -> Any:
    return run_stage(
        "sample_points", *clip(false_class="F", min_distance_m=200), f"--folders={folders(scene)}", "--region=year",
        f"--file={points}", "--classes", "F", "T", f"--chip-size-px={SIZE}", "--max-nodata-pct=20", "--seed=1",
        "--output", "samples.parquet", "samples.csv", *more, cwd=cwd,
    )  # fmt: skip


@pytest.mark.parametrize("year", ["20140720", "20170827"])
def test_chips_of_real_scenes_are_their_pixels(shared: Path, tmp_path: Path, year: str) -> None:
    scene = shared / "data" / "rasters" / f"m_4709963_se_14_1_{year}.tif"
    with rasterio.open(scene) as raster:
        places = [(x, y) for x in (150, 450, 780) for y in (150, 350, 600)]
        xs, ys = zip(*(raster.transform @ place for place in places), strict=True)
        lon, lat = transform(raster.crs, "EPSG:4326", [*xs, xs[0] + 1e5], [*ys, ys[0]])
    features = [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": point}, "properties": {"class": "T"}}
        for point in zip(lon, lat, strict=True)
    ]
    points = tmp_path / "points.geojson"
    points.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    done = sample(scene, points, tmp_path)
    assert done.code == 0, done.lines
    samples = SAMPLES.read(tmp_path / "samples.parquet")
    assert samples["reason"].dropna().tolist() == ["outside the scenes of Aer"]
    kept = samples[samples["reason"].isna()]
    assert kept["class"].value_counts().to_dict() == {"T": 9, "F": 9}

    cut = run_stage(
        "clip_chips", *clip(), f"--folders={folders(scene)}", "--region=year", f"--chip-size-px={SIZE}",
        "--samples=samples.parquet", "--tile=0", "--output=chips", cwd=tmp_path,
    )  # fmt: skip
    assert cut.code == 0, cut.lines
    chips = sorted((tmp_path / "chips").rglob("*.tif"))
    assert len(chips) == 18
    for row in kept.to_dict("records"):
        file = tmp_path / "chips" / "Aer" / row["class"] / f"year_{row['class']}_{row['sample']:05d}.tif"
        with rasterio.open(file) as chip, rasterio.open(scene) as raster:
            window = raster.window(*chip.bounds).round_offsets().round_lengths()
            np.testing.assert_array_equal(chip.read(), raster.read(window=window))
            centre = chip.transform @ (SIZE / 2, SIZE / 2)
            assert np.abs(np.subtract(centre, (row["x"], row["y"]))).max() <= 2.5 + 1e-6


@pytest.mark.parametrize(
    ("points", "fragment"),
    [(None, "points.csv: no such file"), ("x;y;class\n", "points.csv: its columns are separated by ';'")],
)
def test_points_that_cannot_be_used_are_refused(
    shared: Path, tmp_path: Path, points: str | None, fragment: str
) -> None:
    if points:
        (tmp_path / "points.csv").write_text(points)
    before = files_under(tmp_path)
    scene = shared / "data" / "rasters" / "m_4709963_se_14_1_20140720.tif"
    assert_refused(sample(scene, tmp_path / "points.csv", tmp_path), fragment)
    assert files_under(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "fragment"),
    [
        ("corrupt.tif", "corrupt.tif"),
        ("dtm.tif", "has 1 bands"),
        ("float_nan.tif", "has no CRS"),
        ("none.tif", "none.tif"),
    ],
)
def test_scenes_that_cannot_be_used_are_refused(shared: Path, tmp_path: Path, name: str, fragment: str) -> None:
    (tmp_path / "points.csv").write_text("x,y,class\n617000,5270000,T\n")
    done = sample(shared / "data" / "rasters" / name, tmp_path / "points.csv", tmp_path)
    assert_refused(done, fragment)
    assert files_under(tmp_path) == ["points.csv"]
