"""What an import writes, against a plain read of the files and the formulas written out."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from chip_files import AERIAL, SIZE, data_flags, import_region, output_flags, pixels, place, write_chip, write_region
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.transform import Affine
from stage_runs import run_stage

AERIAL_ONLY = {"North": [{"folder": "North/Aer", "bands": AERIAL}]}
DEM_ONLY = {"North": [{"folder": "North/DEM", "bands": ["dem"]}]}


def _plain(region: Path, label: str, name: str) -> NDArray[Any]:
    """(height, width, 7): elevation, red, green, blue, near infrared, NDWI, NDVI."""
    parts = []
    for folder in ("DEM", "Aer"):
        with rasterio.open(region / folder / label / name) as raster:
            parts.append(raster.read().astype(float))
    dem, red, green, blue, nir = np.concatenate(parts)
    indices = [(green - nir) / (green + nir), (nir - red) / (nir + red)]
    chip: NDArray[Any] = np.stack([dem, red, green, blue, nir, *indices], axis=-1)
    return chip


def _scaled(chip: NDArray[Any], axes: tuple[int, ...]) -> NDArray[Any]:
    low, high = chip.min(axes, keepdims=True), chip.max(axes, keepdims=True)
    scaled: NDArray[Any] = (chip - low) / (high - low)
    return scaled


@pytest.mark.parametrize(
    ("normalisation", "expected"),
    [
        ("none", lambda chip: chip),
        ("per_dataset", lambda chip: chip),
        ("per_chip_band", lambda chip: _scaled(chip, (0, 1))),
        ("per_column", lambda chip: _scaled(chip, (0,))),
    ],
)
def test_the_array_is_the_files_scaled(normalisation: str, expected: Any, tmp_path: Path) -> None:
    write_region(tmp_path / "North")
    imported = import_region(tmp_path, tmp_path / "out", normalisation=normalisation)
    plain = [expected(_plain(tmp_path / "North", name[0].upper(), f"{name}.tif")) for name in ("f0", "f1", "t0", "t1")]
    assert imported.array.dtype == np.dtype("<f4")
    np.testing.assert_allclose(imported.array, plain, rtol=1e-5, atol=1e-6)
    stored = imported.array.astype(float)
    np.testing.assert_allclose(imported.moments[..., 0], stored.mean((1, 2)), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(imported.moments[..., 1], stored.var((1, 2)), rtol=1e-4, atol=1e-9)


def test_the_table_of_bands_describes_raw_values(tmp_path: Path) -> None:
    write_region(tmp_path / "North")
    bands = import_region(tmp_path, tmp_path / "out", normalisation="per_chip_band").bands.set_index("band")
    plain = np.array([_plain(tmp_path / "North", name[0].upper(), f"{name}.tif") for name in ("f0", "f1", "t0", "t1")])
    assert bands.index.tolist() == ["dem", *AERIAL, "ndwi", "ndvi"]
    np.testing.assert_allclose(bands["minimum"], plain.min((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(bands["mean"], plain.mean((0, 1, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(bands["maximum"], plain.max((0, 1, 2)), rtol=1e-6)
    assert (bands["nodata_pct"] == 0).all()


def test_chips_lie_where_their_files_do(tmp_path: Path) -> None:
    write_region(tmp_path / "North")
    chips = import_region(tmp_path, tmp_path / "out").chips
    assert chips[["region", "class", "file"]].to_numpy().tolist() == [
        ["North", "F", "f0.tif"], ["North", "F", "f1.tif"], ["North", "T", "t0.tif"], ["North", "T", "t1.tif"],
    ]  # fmt: skip
    west = 600_000.0 + 1000 * np.arange(4)
    np.testing.assert_array_equal(chips["left"], west)
    np.testing.assert_array_equal(chips["right"], west + SIZE)
    np.testing.assert_array_equal(chips["x"], west + SIZE / 2)
    assert (chips[["bottom", "y", "top"]] == [5_200_000 - SIZE, 5_200_000 - SIZE / 2, 5_200_000]).all(axis=None)
    assert set(chips["crs"]) == {"EPSG:32614"}


def test_south_up_rasters_have_their_bottom_below_their_top(tmp_path: Path) -> None:
    south_up = Affine(1, 0, 600_000, 0, 1, 5_199_960)  # the first row is the southernmost
    for folder, bands in (("DEM", 1), ("Aer", 4)):
        for label in "FT":
            write_chip(
                tmp_path / "North" / folder / label / f"{label}.tif", pixels("FT".index(label) + 1, bands), south_up
            )
    imported = import_region(tmp_path, tmp_path / "out")
    footprint = imported.chips[["left", "bottom", "right", "top", "x", "y"]]
    assert (footprint == [600_000, 5_199_960, 600_040, 5_200_000, 600_020, 5_199_980]).all(axis=None)
    np.testing.assert_array_equal(imported.array[0, ..., 1:5], np.moveaxis(pixels(1), 0, -1))


def test_a_south_up_file_is_no_pair_of_a_north_up_one(tmp_path: Path) -> None:
    """Their footprints are equal, but row 0 of one is the last row of the other."""
    write_region(tmp_path / "North")
    write_chip(tmp_path / "North/Aer/F/f0.tif", pixels(1), Affine(1, 0, 600_000, 0, 1, 5_199_960))
    imported = import_region(tmp_path, tmp_path / "out", on_bad_chip="drop")
    assert len(imported.rejected) == 1
    assert imported.chips["file"].tolist() == ["f1.tif", "t0.tif", "t1.tif"]


def test_a_rotated_footprint_is_its_bounding_box(tmp_path: Path) -> None:
    quarter_turn = Affine(0, 1, 600_000, -1, 0, 5_200_000)
    for label in "FT":
        write_chip(tmp_path / "North/Aer" / label / f"{label}.tif", pixels("FT".index(label)), quarter_turn)
    chips = import_region(tmp_path, tmp_path / "out", regions=AERIAL_ONLY).chips
    expected = [600_000, 5_199_960, 600_040, 5_200_000]
    assert (chips[["left", "bottom", "right", "top"]] == expected).all(axis=None)


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        ("float32", np.nan),
        ("float32", -9999),
        ("float32", np.finfo("float32").min),
        ("float64", np.finfo("float64").min),
        ("int16", -32768),
        ("uint8", 0),
    ],
)
def test_gaps_are_filled_with_the_mean_of_the_rest_and_counted(dtype: str, nodata: float, tmp_path: Path) -> None:
    values = pixels(1, 1, dtype)
    values[:, :4] = nodata  # a tenth
    write_chip(tmp_path / "North/DEM/F/f.tif", values, nodata=nodata)
    write_chip(tmp_path / "North/DEM/T/t.tif", pixels(2, 1, dtype), nodata=nodata)
    with warnings.catch_warnings():  # which would be lines on the terminal
        warnings.simplefilter("error", RuntimeWarning)
        imported = import_region(tmp_path, tmp_path / "out", regions=DEM_ONLY)
    filled = imported.array[0, ..., 0]
    np.testing.assert_array_equal(filled[4:], values[0, 4:])
    np.testing.assert_allclose(filled[:4], values[0, 4:].astype(float).mean(), rtol=1e-6)
    assert imported.bands["nodata_pct"].tolist() == pytest.approx([5.0])
    assert imported.bands["chips_with_nodata"].tolist() == [1]
    assert imported.bands["minimum"].tolist() == [1]
    assert imported.rejected.empty


def test_a_mask_counts_as_nodata(tmp_path: Path) -> None:
    write_region(tmp_path / "North")
    with rasterio.open(tmp_path / "North/Aer/F/f0.tif", "r+") as raster:
        mask = np.full((SIZE, SIZE), 255, dtype="uint8")
        mask[:4] = 0
        raster.write_mask(mask)
    bands = import_region(tmp_path, tmp_path / "out").bands.set_index("band")
    assert bands.loc["dem", "nodata_pct"] == 0
    assert bands.loc[[*AERIAL, "ndvi"], "nodata_pct"].tolist() == pytest.approx([2.5] * 5)


def test_a_fourth_band_tagged_alpha_is_near_infrared(tmp_path: Path) -> None:
    values = pixels(1)
    values[3, :20] = 0  # water; as transparency, half the chip were nodata
    write_region(tmp_path / "North")
    file = tmp_path / "North/Aer/F/f0.tif"
    write_chip(file, values, place(0), photometric="RGB", alpha="YES")
    with rasterio.open(file) as raster:
        assert raster.colorinterp[3] == ColorInterp.alpha
    imported = import_region(tmp_path, tmp_path / "out")
    np.testing.assert_array_equal(imported.array[0, ..., 1:5], np.moveaxis(values, 0, -1))
    assert imported.bands["chips_with_nodata"].sum() == 0


def test_zero_over_zero_is_a_quarter_of_its_neighbours(tmp_path: Path) -> None:
    values = pixels(1)
    values[[1, 3], 10, 10] = 0  # green and near infrared
    write_chip(tmp_path / "North/Aer/F/f.tif", values)
    write_chip(tmp_path / "North/Aer/T/t.tif", pixels(2))
    ndwi = import_region(tmp_path, tmp_path / "out", regions=AERIAL_ONLY).array[0, ..., 4]
    assert ndwi[10, 10] == pytest.approx((ndwi[9, 10] + ndwi[11, 10] + ndwi[10, 9] + ndwi[10, 11]) / 4)


def test_bands_without_a_common_valid_pixel(tmp_path: Path) -> None:
    """Red covers one half and near infrared the other: NDVI is nowhere defined, which must not be a crash."""
    values = pixels(1)
    values[0, :20] = values[3, 20:] = 0
    for label in "FT":
        write_chip(tmp_path / "North/Aer" / label / f"{label}.tif", values, nodata=0)
    result = run_stage(
        "import_chips", *data_flags(tmp_path, regions=AERIAL_ONLY, max_nodata_pct=60), *output_flags(tmp_path / "out"),
        cwd=tmp_path,
    )  # fmt: skip
    assert len(result.lines) <= 1, result.lines
    assert result.code == 2 * len(result.lines)


def test_values_beyond_single_precision_are_called_so(tmp_path: Path) -> None:
    write_region(tmp_path / "North")
    write_chip(tmp_path / "North/DEM/F/f0.tif", np.full((1, SIZE, SIZE), 1e300), nodata=-9999)
    result = run_stage("import_chips", *data_flags(tmp_path), *output_flags(tmp_path / "out"), cwd=tmp_path)
    assert result.code == 2
    assert len(result.lines) == 1, result.lines
    assert "North/DEM/F/f0.tif" in result.lines[0]


def test_chips_that_lie_nowhere_are_imported_quietly(tmp_path: Path) -> None:
    """Neither CRS nor transform: fine for stratified folds."""
    for label in "FT":
        write_chip(
            tmp_path / "North/Aer" / label / f"{label}.tif", pixels("FT".index(label)), Affine.identity(), crs=None
        )
    arguments = [*data_flags(tmp_path, regions=AERIAL_ONLY), *output_flags(tmp_path / "out")]
    result = run_stage("import_chips", *arguments, cwd=tmp_path)
    assert (result.code, result.lines) == (0, [])
    chips = import_region(tmp_path, tmp_path / "again", regions=AERIAL_ONLY).chips
    assert chips["crs"].tolist() == ["", ""]
    assert (chips["bottom"] < chips["top"]).all()


def test_two_spellings_of_one_crs_are_one_crs(tmp_path: Path) -> None:
    """The same zone from another vendor's software is no reason to refuse a pair."""
    write_region(tmp_path / "North")
    esri = CRS.from_wkt(CRS.from_epsg(32614).to_wkt(version="WKT1_ESRI"))
    write_chip(tmp_path / "North/Aer/F/f0.tif", pixels(1), place(0), crs=esri)
    write_chip(tmp_path / "North/Aer/F/f1.tif", pixels(1), place(1), crs="+proj=utm +zone=14 +datum=WGS84 +units=m")
    assert len(import_region(tmp_path, tmp_path / "out").chips) == 4


def test_elevation_with_a_vertical_datum_pairs_with_imagery_without_one(tmp_path: Path) -> None:
    """As lidar terrain models come: EPSG:32614+5703 lies on the same ground as EPSG:32614."""
    write_region(tmp_path / "North")
    for column, (label, name) in enumerate((("F", "f0"), ("F", "f1"), ("T", "t0"), ("T", "t1"))):
        file = tmp_path / "North/DEM" / label / f"{name}.tif"
        write_chip(file, pixels(column, 1, "float32"), place(column), crs="EPSG:32614+5703")
    assert len(import_region(tmp_path, tmp_path / "out").chips) == 4
