"""Every kind of bad chip: named in one line and nothing written, or dropped and listed while the others survive."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from chip_files import UTM, data_flags, import_region, output_flags, pixels, place, write_chip, write_pair, write_region
from stage_runs import PROJECT, assert_refused, files_under, run_stage

from workflow_lib.core.errors import UserError

SHARED_CORRUPT = PROJECT.parent / "shared" / "data" / "rasters" / "corrupt.tif"
MADE_AT = place(9)

# Each breaks the aerial image or the elevation of one good chip, f9 of class F.
Breaker = Callable[[Path, Path], object]


def _rewrite(dtype: str = "uint8", bands: int = 4, size: int = 40, **options: object) -> Breaker:
    def write(aerial: Path, dem: Path) -> None:
        write_chip(aerial, pixels(9, bands, dtype, size), **({"transform": MADE_AT} | options))

    return write


def _elevation(fill: float, share: float, nodata: float | None = -9999) -> Breaker:
    """Elevation whose first rows hold a value: a share of the chip."""

    def write(aerial: Path, dem: Path) -> None:
        values = pixels(9, 1, "float32")
        values[:, : round(40 * share)] = fill
        write_chip(dem, values, MADE_AT, nodata=nodata)

    return write


def _other_zone(aerial: Path, dem: Path) -> None:
    write_chip(aerial, pixels(9), MADE_AT, crs="EPSG:32615")
    write_chip(dem, pixels(9, 1), MADE_AT, crs="EPSG:32615")


def _truncate(aerial: Path, dem: Path) -> None:
    aerial.write_bytes(aerial.read_bytes()[:3000])


def _cut_header(aerial: Path, dem: Path) -> None:
    aerial.write_bytes(aerial.read_bytes()[:100])


def _huge(aerial: Path, dem: Path) -> None:
    """A few kilobytes that claim to be 5 gigabytes: refused by its size, before its pixels are read."""
    aerial.unlink()
    rasterio.open(
        aerial, "w", driver="GTiff", count=4, height=36_000, width=36_000, dtype="uint8", crs=UTM, transform=MADE_AT,
        SPARSE_OK=True, tiled=True, blockxsize=4096, blockysize=4096,
    ).close()  # fmt: skip


def _dangling_link(aerial: Path, dem: Path) -> None:
    aerial.unlink()
    aerial.symlink_to("nowhere.tif")


def _folder(aerial: Path, dem: Path) -> None:
    aerial.unlink()
    aerial.mkdir()


def _virtual(aerial: Path, dem: Path) -> None:
    """A recipe instead of pixels: GDAL would go and read any file or address that it names."""
    other = aerial.with_name("f0.tif")
    aerial.write_text(
        '<VRTDataset rasterXSize="40" rasterYSize="40"><SRS>EPSG:32614</SRS>'
        "<GeoTransform>609000, 1, 0, 5200000, 0, -1</GeoTransform>"
        + "".join(
            f'<VRTRasterBand dataType="Byte" band="{band}"><SimpleSource><SourceFilename>{other}</SourceFilename>'
            f"<SourceBand>{band}</SourceBand></SimpleSource></VRTRasterBand>"
            for band in range(1, 5)
        )
        + "</VRTDataset>"
    )


AERIAL, DEM = "Aer/F/f9.tif", "DEM/F/f9.tif"
BAD_CHIPS: dict[str, tuple[Breaker, str, str]] = {
    "no pair": (lambda aerial, dem: dem.unlink(), AERIAL, "has no matching file in North/DEM"),
    "garbage": (lambda aerial, dem: aerial.write_bytes(bytes(range(256)) * 20), AERIAL, "not a readable GeoTIFF"),
    "truncated": (_truncate, AERIAL, "not a readable GeoTIFF"),
    "cut in its header": (_cut_header, AERIAL, "not a readable GeoTIFF"),
    "empty file": (lambda aerial, dem: aerial.write_bytes(b""), AERIAL, "empty file"),
    "folder": (_folder, AERIAL, "not a readable GeoTIFF"),
    "dangling link": (_dangling_link, AERIAL, ""),
    "virtual raster": (_virtual, AERIAL, "not a readable GeoTIFF"),
    "wrong size": (_rewrite(size=41), AERIAL, "is 41 x 41 pixels, not 40 x 40 (data.chip_size_px)"),
    "huge": (_huge, AERIAL, "is 36000 x 36000 pixels, not 40 x 40"),
    "three bands": (_rewrite(bands=3), AERIAL, "has 3 bands, but 4 are named"),
    "complex": (_rewrite(dtype="complex64"), AERIAL, "holds complex64, not real numbers"),
    "all nodata": (_elevation(-9999, 1), DEM, "band 1 is all nodata"),
    "all NaN, declared": (_elevation(np.nan, 1, np.nan), DEM, "band 1 is all nodata"),
    "too much nodata": (_elevation(-9999, 0.25), DEM, "band 1 is 25.0 % nodata (data.max_nodata_pct: 20)"),
    "NaN, undeclared": (_elevation(np.nan, 0.1), DEM, "NaN"),
    "infinite": (_elevation(-np.inf, 0.1, None), DEM, "infinite"),
    "CRS unlike its region's": (_other_zone, DEM, "CRS EPSG:32615 differs from that of region North, EPSG:32614"),
    "CRS unlike its pair's": (
        _rewrite(crs="EPSG:32615"), AERIAL, "CRS EPSG:32615 differs from that of its pair, EPSG:32614",
    ),
    "no CRS": (_rewrite(crs=None), AERIAL, "CRS (none) differs from that of its pair, EPSG:32614"),
    "footprint unlike its pair's": (_rewrite(transform=place(10)), AERIAL, "covers"),
    "pixels twice as large as its pair's": (_rewrite(transform=place(9, pixel_m=2)), AERIAL, "covers"),
}  # fmt: skip
if SHARED_CORRUPT.exists():
    BAD_CHIPS["corrupt, of another hand"] = (lambda aerial, dem: shutil.copy(SHARED_CORRUPT, aerial), AERIAL, "")

each_bad_chip = pytest.mark.parametrize(("breaker", "file", "reason"), BAD_CHIPS.values(), ids=BAD_CHIPS)


@pytest.fixture
def region(tmp_path: Path) -> Path:
    folder = tmp_path / "in" / "North"
    write_region(folder)
    write_pair(folder, "F", "f9.tif", 9)
    return folder


@each_bad_chip
def test_a_bad_chip_ends_the_run(breaker: Breaker, file: str, reason: str, region: Path, tmp_path: Path) -> None:
    breaker(region / "Aer/F/f9.tif", region / "DEM/F/f9.tif")
    with pytest.raises((UserError, OSError)) as refusal:  # the command makes one line of both
        import_region(region.parent, tmp_path / "out")
    assert str(region / file) in str(refusal.value)
    assert reason in str(refusal.value)
    assert files_under(tmp_path / "out") == []


@pytest.mark.parametrize("case", ["no pair", "garbage", "truncated", "cut in its header", "dangling link"])
def test_the_command_says_it_in_one_line(case: str, region: Path, tmp_path: Path) -> None:
    """And nothing else: GDAL has a log of its own."""
    breaker, file, reason = BAD_CHIPS[case]
    breaker(region / "Aer/F/f9.tif", region / "DEM/F/f9.tif")
    out = tmp_path / "out"
    result = run_stage("import_chips", *data_flags(region.parent), *output_flags(out), cwd=tmp_path)
    assert_refused(result, str(region / file), reason)
    assert files_under(out) == []


@each_bad_chip
def test_a_bad_chip_is_dropped_and_listed(
    breaker: Breaker, file: str, reason: str, region: Path, tmp_path: Path
) -> None:
    breaker(region / "Aer/F/f9.tif", region / "DEM/F/f9.tif")
    imported = import_region(region.parent, tmp_path / "out", on_bad_chip="drop")
    assert len(imported.rejected) == 1
    listed = " ".join(imported.rejected[["file", "reason"]].iloc[0])
    assert str(region / file) in listed  # the bad file itself, not its good pair
    assert reason in listed
    assert imported.rejected["region"].tolist() == ["North"]
    assert imported.chips["file"].tolist() == ["f0.tif", "f1.tif", "t0.tif", "t1.tif"]
    assert imported.chips["chip"].tolist() == [0, 1, 2, 3]
    assert imported.array.shape == (4, 40, 40, 7)
    assert len(imported.moments) == 4


def test_a_folder_without_bad_chips_has_an_empty_list_of_them(region: Path, tmp_path: Path) -> None:
    imported = import_region(region.parent, tmp_path / "out", on_bad_chip="drop")
    assert imported.rejected.empty
    assert len(imported.chips) == 5


@pytest.mark.parametrize(
    ("label", "name"), [("T", "f9.tif"), ("F", "f9.tiff"), ("F", "f9.TIF")], ids=["F and T", "tif and tiff", "case"]
)
def test_names_used_twice_are_bad_chips_both(label: str, name: str, region: Path, tmp_path: Path) -> None:
    write_pair(region, label, name, 10)
    with pytest.raises(UserError, match=r"f9\.(tif|tiff|TIF): shares its name with"):
        import_region(region.parent, tmp_path / "out")
    assert files_under(tmp_path / "out") == []
    imported = import_region(region.parent, tmp_path / "out", on_bad_chip="drop")
    assert len(imported.rejected) == 2
    assert imported.rejected["reason"].str.contains("shares its name with").all()
    assert imported.chips["file"].tolist() == ["f0.tif", "f1.tif", "t0.tif", "t1.tif"]


def test_a_pair_of_two_suffixes_is_told_so(region: Path, tmp_path: Path) -> None:
    """One chip, not two with unclear classes: its elevation is f9.tiff, its imagery f9.tif."""
    (region / "DEM/F/f9.tif").rename(region / "DEM/F/f9.tiff")
    with pytest.raises(UserError) as refusal:
        import_region(region.parent, tmp_path / "out")
    assert "has no matching file" in str(refusal.value)


def test_the_odd_chip_is_dropped_wherever_it_stands(region: Path, tmp_path: Path) -> None:
    """What a region's CRS is must not hang on which name sorts first."""
    for folder, bands in (("DEM", 1), ("Aer", 4)):
        write_chip(region / folder / "F" / "a_first.tif", pixels(9, bands), crs="EPSG:32615")
    imported = import_region(region.parent, tmp_path / "out", on_bad_chip="drop")
    assert imported.rejected["file"].str.contains("a_first").all()
    assert len(imported.chips) == 5


def test_one_class_only(region: Path, tmp_path: Path) -> None:
    for file in (region / "Aer/T").iterdir():
        file.unlink()
    for file in (region / "DEM/T").iterdir():
        file.unlink()
    result = run_stage("import_chips", *data_flags(region.parent), *output_flags(tmp_path / "out"), cwd=tmp_path)
    assert_refused(result, "class T has no chip", "only one class")
    assert files_under(tmp_path / "out") == []


@pytest.mark.parametrize("policy", ["error", "drop"])
def test_a_missing_folder_is_no_bad_chip(policy: str, region: Path, tmp_path: Path) -> None:
    shutil.rmtree(region / "DEM" / "T")
    with pytest.raises(UserError, match=f"{region}/DEM/T: region North has no such folder"):
        import_region(region.parent, tmp_path / "out", on_bad_chip=policy)
    assert files_under(tmp_path / "out") == []


@pytest.mark.parametrize("policy", ["error", "drop"])
def test_empty_folders(policy: str, region: Path, tmp_path: Path) -> None:
    for file in region.rglob("*.tif"):
        file.unlink()
    with pytest.raises(UserError, match="region North has no GeoTIFF"):
        import_region(region.parent, tmp_path / "out", on_bad_chip=policy)
    assert files_under(tmp_path / "out") == []


def test_when_all_chips_are_dropped_the_reason_is_said(region: Path, tmp_path: Path) -> None:
    """The list of rejected chips is not written then, so the message is all there is."""
    with pytest.raises(UserError, match=r"no chip is usable.*40 x 40 pixels, not 50 x 50"):
        import_region(region.parent, tmp_path / "out", on_bad_chip="drop", chip_size_px=50)
    assert files_under(tmp_path / "out") == []


def test_a_region_emptied_by_drops_is_an_error(region: Path, tmp_path: Path) -> None:
    south = {"South": [{"folder": "South/Aer", "bands": ["red", "green", "blue", "nir"]}]}
    for label in "FT":
        write_chip(region.parent / "South" / "Aer" / label / f"{label}.tif", pixels(1, 3))
    north = {"North": [{"folder": "North/Aer", "bands": ["red", "green", "blue", "nir"]}]}
    with pytest.raises(UserError, match=r"region South has no usable chip \(2 chips were dropped; the first is"):
        import_region(region.parent, tmp_path / "out", on_bad_chip="drop", regions=north | south)
    assert files_under(tmp_path / "out") == []
