"""From labelled points to chips: which places are taken, which are drawn, and that chips are the scenes' own pixels."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
from scene_files import NORTH, WEST, noise, write_scene
from scipy.spatial import KDTree

from workflow_lib.core.errors import UserError
from workflow_lib.data.chip_samples import Region, describe_dropped, sample_points
from workflow_lib.data.chip_tables import SAMPLES
from workflow_lib.data.chips import import_chips
from workflow_lib.data.clipping import clip_chips, gather_chips
from workflow_lib.data.data_config import ClipConfig, DataConfig, RasterFolder

SIZE = 40
POINTS = [
    (250.5, 100.5, "T"), (60.0, 60.0, "T"), (-30.0, 50.0, "T"),
    (15.0, 15.0, "T"), (330.0, 130.0, "T"), (100.0, 100.0, "X"),
]  # fmt: skip


@pytest.fixture
def region(tmp_path: Path) -> Any:
    """Imagery in two tiles with a hole of nodata, and coarser elevation in one; opened as a region."""
    aerial = noise(4, 200, 400)
    aerial[:, 115:145, 315:345] = 0
    files = [
        write_scene(tmp_path / f"aer_{n}.tif", aerial[:, :, start : start + 200], west=WEST + start, nodata=0)
        for n, start in enumerate((0, 200))
    ]
    dem = write_scene(tmp_path / "dem.tif", noise(1, 100, 200).astype(np.float32), resolution=2.0, nodata=-9999)
    folders = [
        RasterFolder(folder="Aer", bands=["red", "green", "blue", "nir"], scenes=list(map(str, files))),
        RasterFolder(folder="DEM", bands=["dem"], scenes=[str(dem)]),
    ]
    (tmp_path / "points.csv").write_text(
        "x,y,class\n" + "".join(f"{WEST + x},{NORTH - y},{label}\n" for x, y, label in POINTS)
    )
    with ExitStack() as stack:
        yield Region.open(folders, ClipConfig(), SIZE, stack)


def sample(region: Region, folder: Path, seed: int = 1, **options: Any) -> pd.DataFrame:
    clip = ClipConfig(false_class="F", min_distance_m=30, **options)
    return sample_points(region, folder / "points.csv", clip, ["F", "T"], 20.0, seed)


def test_points_without_a_chip_are_listed_with_their_reason(region: Region, tmp_path: Path) -> None:
    samples = sample(region, tmp_path)
    SAMPLES.write(samples.assign(region="here"), tmp_path / "samples.parquet")
    reasons = samples["reason"].tolist()[: len(POINTS)]
    assert samples["reason"].isna().tolist()[: len(POINTS)] == [True] * 2 + [False] * 4
    assert reasons[2] == "outside the scenes of Aer"
    assert reasons[3] == "23.4 % nodata around it in Aer (data.max_nodata_pct: 20)"
    assert reasons[4] == "on a nodata pixel of Aer"
    assert reasons[5] == "class is not one of ['F', 'T']"
    assert samples["tile"].tolist()[:2] == [1, 0]


def test_as_many_are_drawn_away_from_all_true_points(region: Region, tmp_path: Path) -> None:
    drawn = sample(region, tmp_path).iloc[len(POINTS) :]
    assert len(drawn) == 2
    assert drawn["drawn"].all() and (drawn["class"] == "F").all() and drawn["reason"].isna().all()
    true = np.array([(WEST + x, NORTH - y) for x, y, _ in POINTS])
    assert KDTree(true).query(drawn[["x", "y"]])[0].min() >= 30
    for x, y in drawn[["x", "y"]].to_numpy():
        assert region.problem(x, y, 20.0) is None


def test_draws_depend_on_the_seed_alone(region: Region, tmp_path: Path) -> None:
    pd.testing.assert_frame_equal(sample(region, tmp_path), sample(region, tmp_path))
    assert not sample(region, tmp_path).equals(sample(region, tmp_path, seed=2))


def test_what_is_drawn_can_be_near(region: Region, tmp_path: Path) -> None:
    drawn = sample(region, tmp_path, max_distance_m=40).iloc[len(POINTS) :]
    true = np.array([(WEST + x, NORTH - y) for x, y, _ in POINTS])
    distance = KDTree(true).query(drawn[["x", "y"]])[0]
    assert (distance >= 30).all() and (distance <= 40).all()


def test_jitter_moves_chips_off_their_points(region: Region, tmp_path: Path) -> None:
    plain, moved = sample(region, tmp_path), sample(region, tmp_path, jitter_m=6)
    shift = (moved[["x", "y"]] - plain[["x", "y"]]).iloc[:2].abs().to_numpy()
    assert (shift > 0).all() and (shift <= 6).all()
    reasons = moved["reason"].tolist()[2 : len(POINTS)]
    assert reasons == plain["reason"].tolist()[2 : len(POINTS)]  # it is the points that are judged


@pytest.mark.parametrize(("x", "fits"), [(314.4, True), (315.6, False), (344.4, False), (345.6, True)])
def test_the_pixel_that_a_point_lies_in_must_be_data(region: Region, x: float, fits: bool) -> None:
    problem = region.problem(WEST + x, NORTH - 130.0, 99.0)
    assert (problem is None) == fits


def test_labelled_points_of_the_false_class_count(region: Region, tmp_path: Path) -> None:
    points = tmp_path / "points.csv"
    points.write_text(points.read_text() + f"{WEST + 160},{NORTH - 160},F\n")
    samples = sample(region, tmp_path)
    kept = samples[samples["reason"].isna()]
    assert kept["class"].value_counts().to_dict() == {"T": 2, "F": 2}
    assert kept["drawn"].sum() == 1


def test_too_few_places_are_said(region: Region, tmp_path: Path) -> None:
    reason = "only 0 of 2 random samples of class F were found at least 1000 m from points of other classes"
    with pytest.raises(UserError, match=reason):
        sample_points(
            region, tmp_path / "points.csv", ClipConfig(false_class="F", min_distance_m=1000), ["F", "T"], 20.0, 1
        )


def test_chips_are_the_scenes_pixels_in_the_layout_that_is_imported(region: Region, tmp_path: Path) -> None:
    samples = sample(region, tmp_path)
    for tile in (0, 1):
        clip_chips(region, "here", samples[samples["tile"] == tile], tmp_path / "tiles" / str(tile))
    gather_chips([tmp_path / "tiles" / "0", tmp_path / "tiles" / "1"], ["Aer", "DEM"], ["F", "T"], tmp_path / "chips")
    chip = tmp_path / "chips" / "Aer" / "T" / "here_T_00000.tif"
    with rasterio.open(chip) as raster, rasterio.open(tmp_path / "aer_1.tif") as scene:
        assert raster.nodata == 0 and raster.crs == scene.crs and raster.shape == (SIZE, SIZE)
        left, _, _, top = raster.bounds
        column, row = round(left - WEST - 200), round(NORTH - top)
        window = ((row, row + SIZE), (column, column + SIZE))
        np.testing.assert_array_equal(raster.read(), scene.read(window=window))
    data = DataConfig.model_validate({
        "regions": {"here": [
            {"folder": "Aer", "bands": ["red", "green", "blue", "nir"]}, {"folder": "DEM", "bands": ["dem"]},
        ]},
        "classes": ["F", "T"], "chip_size_px": SIZE,
    })  # fmt: skip
    imported = import_chips(data, tmp_path / "chips", tmp_path / "chips.npy")
    assert imported.chips["class"].tolist() == ["F", "F", "T", "T"]
    assert imported.rejected.empty


def test_no_chip_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tile").mkdir()
    with pytest.raises(UserError, match="no chip was cut"):
        gather_chips([tmp_path / "tile"], ["DEM"], ["F"], tmp_path / "chips")


def write_points(folder: Path, points: list[tuple[float, float, str]]) -> None:
    rows = [f"{WEST + x},{NORTH - y},{label}\n" for x, y, label in points]
    (folder / "points.csv").write_text("x,y,class\n" + "".join(rows))


def test_points_that_give_no_chip_are_counted_by_reason(region: Region, tmp_path: Path) -> None:
    spare = [(60.0, 60.0, "t"), (100.0, 60.0, "T "), (60.0, 100.0, "road"), (100.0, 100.0, "road")]
    write_points(tmp_path, [*POINTS[:5], (20.0, 20.0, "T"), *spare])
    lines = describe_dropped(sample(region, tmp_path), ["F", "T"])
    assert set(lines) == {
        "2 points of class 'road', which data.classes does not name",
        "1 point of class 't', which data.classes does not name (did you mean T?)",
        "1 point of class 'T ', which data.classes does not name (did you mean T?)",
        "1 point: outside the scenes of Aer",
        "1 point: N % nodata around it in Aer (data.max_nodata_pct: N)",
        "1 point: on a nodata pixel of Aer",
    }


def test_a_repeated_point_gives_one_chip(region: Region, tmp_path: Path) -> None:
    write_points(tmp_path, [(250.5, 100.5, "T"), (60.0, 60.0, "T"), (250.5, 100.5, "T")])
    samples = sample(region, tmp_path)
    assert samples["reason"].isna().tolist()[:3] == [True, True, False]
    assert samples["reason"][2] == "repeats point 1"
    assert samples["class"][samples["reason"].isna()].value_counts().to_dict() == {"T": 2, "F": 2}


def test_a_point_repeated_with_another_class_is_an_error(region: Region, tmp_path: Path) -> None:
    write_points(tmp_path, [(250.5, 100.5, "T"), (60.0, 60.0, "T"), (250.5, 100.5, "F")])
    with pytest.raises(UserError, match=r"points\.csv: points 1 and 3 give the same chip but differ in class, T and F"):
        sample(region, tmp_path)
