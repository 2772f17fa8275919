"""What an import leaves aside or finds odd is counted and named, and what contradicts itself is refused."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chip_files import AERIAL, SIZE, Imported, import_region, pixels, place, write_chip, write_region
from rasterio.transform import Affine

from workflow_lib.core.errors import UserError
from workflow_lib.data.fold_config import FoldsConfig
from workflow_lib.data.folds import assign_folds

AERIAL_ONLY = {"North": [{"folder": "North/Aer", "bands": AERIAL}]}
DEM_ONLY = {"North": [{"folder": "North/DEM", "bands": ["dem"]}]}


def counts(imported: Imported) -> dict[str, int]:
    return dict(zip(imported.notices["what"], imported.notices["count"], strict=True))


def write_aerial(root: Path, each: int = 3, **options: Any) -> Path:
    """Chips of imagery alone: class F in the columns 0, 2, 4, class T between."""
    folder = root / "North" / "Aer"
    for column in range(2 * each):
        write_chip(folder / "FT"[column % 2] / f"{column}.tif", pixels(column), place(column), **options)
    return folder


UNUSED: dict[str, tuple[str, str]] = {
    "in a deeper folder": ("F/2019/a.tif", "images in deeper folders are not used"),
    "PNG": ("F/a.png", ".png files are not used: chips are GeoTIFFs (*.tif, *.tiff)"),
    "JPEG": ("F/a.JPG", ".jpg files are not used: chips are GeoTIFFs (*.tif, *.tiff)"),
    "JPEG 2000": ("T/a.jp2", ".jp2 files are not used: chips are GeoTIFFs (*.tif, *.tiff)"),
    "VRT": ("T/a.vrt", ".vrt files are not used: chips are GeoTIFFs (*.tif, *.tiff)"),
    "of a class that is not named": (
        "Bridge/a.tif", "images in class folder Bridge, which data.classes does not name, are not used",
    ),
    "beside the classes": ("a.tif", "images outside the class folders are not used"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNUSED)
def test_pictures_that_are_not_used_are_counted(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, what = UNUSED[case]
    folder = write_aerial(tmp_path)
    for number in range(2):
        copy = (folder / name).with_stem(f"{Path(name).stem}{number}")
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_chip(folder / "whole.tmp.tif", pixels(50 + number), place(50 + number))
        (folder / "whole.tmp.tif").rename(copy)
    imported = import_region(tmp_path, tmp_path / "out", regions=AERIAL_ONLY)
    assert counts(imported) == {what: 2}
    assert len(imported.chips) == 6
    assert f"warning: import_chips: region North: 2 {what} (such as {folder}" in capsys.readouterr().err


def test_a_good_import_has_nothing_to_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_region(tmp_path / "North")
    (tmp_path / "North" / "Aer" / "F" / "f0.tif.aux.xml").write_text("<PAMDataset/>")
    (tmp_path / "North" / "Aer" / "readme.txt").write_text("hello")
    assert counts(import_region(tmp_path, tmp_path / "out")) == {}
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize("value", [-9999.0, -3.4028234663852886e38, -3.40282306e38, -32768.0, 1e20])
def test_values_that_look_like_nodata_are_named_and_can_be_declared(value: float, tmp_path: Path) -> None:
    folder = tmp_path / "North" / "DEM"
    for column in range(4):
        values = pixels(column, 1, "float32")
        values[0, :4, :10] = value
        write_chip(folder / "FT"[column % 2] / f"{column}.tif", values, place(column))
    imported = import_region(tmp_path, tmp_path / "out", regions=DEM_ONLY)
    (what,) = counts(imported)
    assert f"band 1 of its file is {np.float32(value):g} in some pixels, which count as data" in what
    assert counts(imported)[what] == 4
    assert imported.notices["example"][0] == f"{folder / 'F' / '0.tif'}: 2.5 % of its pixels"
    declared = import_region(tmp_path, tmp_path / "declared", regions=DEM_ONLY, nodata=[value])
    assert counts(declared) == {}
    assert declared.bands["minimum"].min() >= 1
    assert declared.bands["nodata_pct"].tolist() == pytest.approx([2.5])


def test_black_edges_of_a_swath_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "North" / "Aer"
    for column in range(4):
        values = pixels(column)
        values[:, :, :2] = 0
        write_chip(folder / "FT"[column % 2] / f"{column}.tif", values, place(column))
    (what,) = counts(import_region(tmp_path, tmp_path / "out", regions=AERIAL_ONLY))
    assert "all bands of its file are 0" in what
    assert counts(import_region(tmp_path, tmp_path / "declared", regions=AERIAL_ONLY, nodata=[0])) == {}


def test_a_mask_that_is_named_as_a_band_is_flagged(tmp_path: Path) -> None:
    folder = tmp_path / "North" / "Aer"
    for column in range(4):
        values = pixels(column)
        values[3] = 255
        write_chip(folder / "FT"[column % 2] / f"{column}.tif", values, place(column), photometric="RGB", alpha="NO")
    assert counts(import_region(tmp_path, tmp_path / "out", regions=AERIAL_ONLY)) == {
        "band that is 255 in every pixel: is it an alpha or mask band?": 1
    }


def copied_bytes(file: Path, copy: Path) -> None:
    shutil.copy(file, copy)


def same_pixels(file: Path, copy: Path) -> None:
    write_chip(
        copy,
        pixels(int(file.stem)),
        place(int(file.stem), 1),
        compress="deflate",
        tiled=True,
        blockxsize=16,
        blockysize=16,
    )


@pytest.mark.parametrize("copied", [copied_bytes, same_pixels])
def test_copies_are_counted_and_stay_on_one_side(copied: Callable[[Path, Path], None], tmp_path: Path) -> None:
    folder = write_aerial(tmp_path, each=6)
    for column in range(12):
        label = "FT"[column % 2]
        copied(folder / label / f"{column}.tif", folder / label / f"copy_{column}.tif")
    imported = import_region(tmp_path, tmp_path / "out", regions=AERIAL_ONLY)
    assert counts(imported) == {"chips that are copies of others; folds keep copies on one side": 12}
    for values in (
        {"method": "stratified", "count": 3},
        {"method": "one_split", "validation_share": 0.3, "holdout": {"method": "share", "share": 0.2}},
        {"method": "spatial_block", "count": 3, "block_m": 1000, "buffer_m": 0},
    ):
        folds = assign_folds(imported.chips, FoldsConfig.model_validate(values), seed=7)
        used = folds[folds["role"] != "buffer"].merge(imported.chips, on="chip")
        assert set(used.groupby(["fold", "content"])["role"].nunique()) == {1}, values


@pytest.mark.parametrize("copied", [copied_bytes, same_pixels])
def test_one_picture_in_two_classes_is_an_error(copied: Callable[[Path, Path], None], tmp_path: Path) -> None:
    folder = write_aerial(tmp_path)
    copied(folder / "F" / "0.tif", folder / "T" / "other.tif")
    with pytest.raises(UserError, match=r"T/other\.tif: is a copy of .*F/0\.tif, which has class F"):
        import_region(tmp_path, tmp_path / "out", regions=AERIAL_ONLY)


def test_half_of_the_files_with_a_scale_are_refused(tmp_path: Path) -> None:
    folder = write_aerial(tmp_path)
    import rasterio

    with rasterio.open(folder / "T" / "3.tif", "r+") as raster:
        raster.scales, raster.offsets = (1e-4,) * 4, (-0.1,) * 4
    with pytest.raises(UserError, match=r"3\.tif: band red has scale 0\.0001 and offset -0\.1, but .* in .*0\.tif"):
        import_region(tmp_path, tmp_path / "out", regions=AERIAL_ONLY)
    for file in folder.rglob("*.tif"):
        with rasterio.open(file, "r+") as raster:
            raster.scales, raster.offsets = (1e-4,) * 4, (-0.1,) * 4
    imported = import_region(tmp_path, tmp_path / "out", regions=AERIAL_ONLY)
    np.testing.assert_allclose(imported.array[0, ..., 0], pixels(0)[0] * 1e-4 - 0.1, rtol=1e-6, atol=1e-7)
    assert set(imported.chips["scaled"].map(tuple)) == {tuple(AERIAL)}


def test_resolutions_in_two_regions_are_told_apart(tmp_path: Path) -> None:
    write_aerial(tmp_path)
    for column in range(2):
        chip = tmp_path / "South" / "FT"[column] / f"{column}.tif"
        write_chip(chip, pixels(90 + column), place(column, 9, 10.0))
    both = AERIAL_ONLY | {"South": [{"folder": "South", "bands": AERIAL}]}
    with pytest.raises(UserError, match=r"pixels are 1 m on the ground in .*\(region North\) and 10 m in .*South"):
        import_region(tmp_path, tmp_path / "out", regions=both)


def test_an_odd_resolution_within_a_region_is_a_bad_chip(tmp_path: Path) -> None:
    folder = write_aerial(tmp_path)
    write_chip(folder / "F" / "coarse.tif", pixels(99), place(60, 0, 10.0))
    with pytest.raises(UserError, match=r"coarse\.tif: its pixels are 10 wide, but those of region North 1"):
        import_region(tmp_path, tmp_path / "out", regions=AERIAL_ONLY)


def test_web_mercator_is_measured_on_the_ground(tmp_path: Path) -> None:
    """At 60 degrees north its metres are half as long."""
    north = 8_399_737.0
    folder = tmp_path / "North" / "Aer"
    for column in range(4):
        transform = Affine(2, 0, 1000 * column, 0, -2, north + SIZE)
        write_chip(folder / "FT"[column % 2] / f"{column}.tif", pixels(column), transform, crs="EPSG:3857")
    chips = import_region(tmp_path, tmp_path / "out", regions=AERIAL_ONLY).chips
    np.testing.assert_allclose(chips["pixel_m"], 1.0, rtol=0.005)
