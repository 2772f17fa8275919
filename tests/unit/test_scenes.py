"""Scenes read as one on a grid: pixel by pixel where they lie on it, resampled elsewhere."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform
from scene_files import NORTH, UTM, WEST, noise, ramps, write_scene

from workflow_lib.core.errors import UserError
from workflow_lib.data.scenes import Grid, Layer, overview


def test_a_window_on_the_grid_equals_a_plain_read(tmp_path: Path) -> None:
    file = write_scene(tmp_path / "a.tif", noise(4, 60, 80))
    with Layer([file], 4, Grid.of(file, 1.0), "bilinear") as layer, rasterio.open(file) as raster:
        pixels, valid = layer.read(11, 7, 30, 20)
        np.testing.assert_array_equal(pixels, raster.read(window=((7, 27), (11, 41))))
    assert valid.all() and pixels.dtype == np.uint8


def test_a_real_scene_equals_a_plain_read(shared: Path) -> None:
    file = shared / "data" / "rasters" / "m_4709963_se_14_1_20140720.tif"
    with Layer([file], 4, Grid.of(file, 5.0), "nearest") as layer, rasterio.open(file) as raster:
        pixels, valid = layer.read(200, 300, 100, 100)
        expected = raster.read(window=((300, 400), (200, 300)), masked=True)
    np.testing.assert_array_equal(pixels, expected.data)
    np.testing.assert_array_equal(valid, ~np.ma.getmaskarray(expected))


@pytest.mark.parametrize(("resolution", "crs"), [(0.4, None), (2.5, None), (1.0, "EPSG:32615"), (1.7, "EPSG:32613")])
def test_resampled_pixels_are_less_than_half_a_pixel_off(tmp_path: Path, resolution: float, crs: str | None) -> None:
    file = write_scene(tmp_path / "ramp.tif", ramps(200, 300), nodata=-1)
    grid = Grid.of(file, resolution, crs)
    with Layer([file], 2, grid, "bilinear") as layer:
        left, bottom, right, top = layer.extent
        column, row = grid.corner((left + right) / 2, (bottom + top) / 2, 60)
        pixels, valid = layer.read(column, row, 60, 60)
    assert valid.all()
    affine = grid.transform(column, row)
    xs, ys = affine @ np.meshgrid(np.arange(60) + 0.5, np.arange(60) + 0.5)
    east, north = transform(grid.crs, CRS.from_string(UTM), xs.ravel(), ys.ravel())
    expected = np.stack([np.array(east) - WEST, NORTH - np.array(north)]).reshape(2, 60, 60)
    assert np.abs(pixels - expected).max() < 0.5

    warped = np.zeros_like(pixels)
    reproject(
        ramps(200, 300), warped, src_transform=rasterio.open(file).transform, src_crs=UTM, dst_transform=affine,
        dst_crs=grid.crs, resampling=Resampling.bilinear,
    )  # fmt: skip
    assert np.abs(pixels - warped).max() < 0.2


def test_tiles_are_read_as_one_and_gaps_are_told(tmp_path: Path) -> None:
    whole = noise(1, 40, 60)
    whole[0, 10:13, 10:14] = 0
    files = [
        write_scene(tmp_path / f"{number}.tif", whole[:, :, start : start + 30], west=WEST + start, nodata=0)
        for number, start in enumerate((0, 30))
    ]
    with Layer(files, 1, Grid.of(files[0], 1.0), "nearest") as layer:
        pixels, valid = layer.read(-5, 0, 75, 40)
        beyond, known = layer.read(500, 500, 8, 8)
    np.testing.assert_array_equal(pixels[:, :, 5:65], whole)
    expected = np.zeros((1, 40, 75), dtype=bool)
    expected[:, :, 5:65] = whole > 0
    np.testing.assert_array_equal(valid, expected)
    assert not known.any() and beyond.shape == (1, 8, 8) and beyond.dtype == np.uint8


def test_a_later_scene_fills_what_an_earlier_one_lacks(tmp_path: Path) -> None:
    first, second = noise(2, 20, 20, 1), noise(2, 20, 20, 2)
    first[:, :10] = 0
    files = [write_scene(tmp_path / f"{n}.tif", part, nodata=0) for n, part in enumerate((first, second))]
    with Layer(files, 2, Grid.of(files[0], 1.0), "nearest") as layer:
        pixels, valid = layer.read(0, 0, 20, 20)
    np.testing.assert_array_equal(pixels, np.where(first > 0, first, second))
    assert valid.all()


@pytest.mark.parametrize("resolution", [1.0, 0.5])
def test_a_fourth_band_tagged_as_alpha_is_data(tmp_path: Path, resolution: float) -> None:
    pixels = noise(4, 30, 30)
    pixels[3, :15] = 0
    file = write_scene(tmp_path / "a.tif", pixels, photometric="RGB", alpha="YES")
    with Layer([file], 4, Grid.of(file, resolution), "nearest") as layer:
        read, valid = layer.read(4, 4, 20, 20)
    assert valid.all()
    assert (read[3] == 0).any() and (read[:3] > 0).all()


@pytest.mark.parametrize("resolution", [1.0, 0.5])
def test_a_mask_inside_a_file_counts(tmp_path: Path, resolution: float) -> None:
    file = tmp_path / "m.tif"
    mask = np.full((30, 30), 255, np.uint8)
    mask[:, :10] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write_scene(file, noise(1, 30, 30))
        with rasterio.open(file, "r+") as raster:
            raster.write_mask(mask)
    with Layer([file], 1, Grid.of(file, resolution), "nearest") as layer:
        valid = layer.read(0, 0, round(30 / resolution), round(30 / resolution))[1]
    assert valid.mean() == pytest.approx(2 / 3)


def test_a_vrt_is_a_scene(tmp_path: Path) -> None:
    file = write_scene(tmp_path / "a.tif", noise(1, 20, 20))
    vrt = tmp_path / "a.vrt"
    with rasterio.open(file) as raster:
        rasterio.shutil.copy(raster, vrt, driver="VRT")
    with Layer([vrt], 1, Grid.of(vrt, 1.0), "nearest") as layer:
        np.testing.assert_array_equal(layer.read(0, 0, 20, 20)[0], noise(1, 20, 20))


def test_more_files_than_may_be_open(tmp_path: Path) -> None:
    files = [
        write_scene(tmp_path / f"{n:02d}.tif", np.full((1, 2, 2), n + 1, np.uint8), west=WEST + 2 * n)
        for n in range(40)
    ]
    with Layer(files, 1, Grid.of(files[0], 1.0), "nearest") as layer:
        for _ in range(2):
            pixels, valid = layer.read(0, 0, 80, 2)
    assert valid.all() and pixels[0, 0].tolist() == np.repeat(np.arange(1, 41), 2).tolist()


def test_a_chip_lies_around_its_point(tmp_path: Path) -> None:
    grid = Grid.of(write_scene(tmp_path / "a.tif", noise(1, 9, 9)), 1.0)
    column, row = grid.corner(WEST + 50.3, NORTH - 20.9, 10)
    left, bottom, right, top = grid.bounds(column, row, 10, 10)
    assert abs((left + right) / 2 - (WEST + 50.3)) <= 0.5 and abs((bottom + top) / 2 - (NORTH - 20.9)) <= 0.5


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        ({"crs": "EPSG:4326"}, "not projected in metres"),
        ({"crs": "EPSG:2225"}, "not projected in metres"),  # US survey feet
        ({"crs": None}, "has no CRS"),
    ],
)
def test_a_grid_needs_metres(tmp_path: Path, options: dict[str, str | None], fragment: str) -> None:
    file = write_scene(tmp_path / "a.tif", noise(1, 9, 9), **options)
    with pytest.raises(UserError, match=fragment.replace("(", r"\(").replace(")", r"\)")):
        Grid.of(file, 1.0)


def test_scenes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    good = write_scene(tmp_path / "a.tif", noise(2, 9, 9))
    floats = write_scene(tmp_path / "b.tif", noise(2, 9, 9).astype(np.float32))
    text = tmp_path / "c.tif"
    text.write_text("no raster")
    grid = Grid.of(good, 1.0)
    cases: list[tuple[list[Path], int, str]] = [
        ([good], 3, "has 2 bands"),
        ([good, floats], 2, "holds float32 and uint8"),
        ([good, write_scene(tmp_path / "d.tif", noise(2, 9, 9), nodata=7)], 2, "has nodata 7.0 and None"),
        ([text], 2, "not a readable raster"),
        ([], 2, "no scene"),
    ]
    for files, bands, fragment in cases:
        with pytest.raises(UserError, match=fragment):
            Layer(files, bands, grid, "nearest")
    with pytest.raises(UserError, match="unknown CRS EPSG"):
        Grid.of(good, 1.0, "EPSG:nothing")


def test_a_damaged_scene_is_named(tmp_path: Path) -> None:
    file = write_scene(tmp_path / "a.tif", noise(1, 400, 400), compress="deflate")
    data = bytearray(file.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    file.write_bytes(data)
    with (
        Layer([file], 1, Grid.of(file, 1.0), "nearest") as layer,
        pytest.raises(UserError, match=r"a\.tif: cannot be read"),
    ):
        layer.read(0, 0, 400, 400)


@pytest.mark.parametrize("crs", [None, "EPSG:32615"])
def test_a_place_has_the_same_pixels_in_every_window(tmp_path: Path, crs: str | None) -> None:
    """Also where scenes are shrunk, and GDAL smooths."""
    file = write_scene(tmp_path / "fine.tif", noise(1, 300, 300).astype(np.float32), resolution=0.6)
    grid = Grid.of(file, 1.0, crs)
    with Layer([file], 1, grid, "bilinear") as layer:
        left, bottom, right, top = layer.extent
        column, row = grid.corner((left + right) / 2, (bottom + top) / 2, 40)
        small = layer.read(column, row, 40, 40)[0]
        large = layer.read(column - 31, row - 17, 101, 90)[0]
    np.testing.assert_allclose(large[:, 17:57, 31:71], small, atol=0.1)


def test_a_raster_that_is_south_up_is_read(tmp_path: Path) -> None:
    values = noise(1, 20, 30)
    file = tmp_path / "south.tif"
    up = rasterio.Affine(1.0, 0, WEST, 0, 1.0, NORTH - 20)
    with rasterio.open(
        file, "w", driver="GTiff", count=1, height=20, width=30, dtype="uint8", crs=UTM, transform=up
    ) as raster:
        raster.write(values[:, ::-1])
    with Layer([file], 1, Grid.of(file, 1.0), "nearest") as layer:
        pixels, valid = layer.read(0, 0, 30, 20)
    assert valid.all()
    np.testing.assert_array_equal(pixels, values)


def test_a_grid_moves_by_whole_pixels(tmp_path: Path) -> None:
    grid = Grid.of(write_scene(tmp_path / "a.tif", noise(1, 9, 9)), 2.0)
    moved = grid.moved_to((WEST - 3.0, 0.0, 1.0, NORTH + 4.0))
    assert (moved.west, moved.north) == (WEST - 4.0, NORTH + 4.0)


def test_an_overview_covers_all_scenes(tmp_path: Path) -> None:
    files = [write_scene(tmp_path / f"{n}.tif", noise(3, 50, 100, n), west=WEST + 100 * n) for n in range(2)]
    pixels, bounds = overview(files, UTM, 40)
    assert pixels.shape == (3, 10, 40)
    assert not np.ma.getmaskarray(pixels).any()
    assert bounds == (WEST, NORTH - 50, WEST + 200, NORTH)
