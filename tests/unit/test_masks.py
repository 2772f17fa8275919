"""Nodata, masks, alpha, scale and offset: GDAL's own answer on every path."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from scene_files import noise, write_scene

from workflow_lib.core.errors import UserError
from workflow_lib.data.masks import (
    apply_scaling,
    as_floats,
    is_scaled,
    mark_declared,
    open_raster,
    read_valid,
    scaling_of,
)
from workflow_lib.data.scenes import Grid, Layer

LOWEST = np.finfo("float32").min


def layer_valid(path: Path, bands: int, resolution_m: float, declared: tuple[float, ...] = ()) -> NDArray[np.float64]:
    """Share of valid pixels of each band: on the scene's own grid at 1 m, resampled at others."""
    with Layer([path], bands, Grid.of(path, resolution_m), "bilinear", declared) as layer:
        side = round(100 / resolution_m)
        valid = layer.read(0, 0, side, side)[1]
        return np.asarray(valid.mean((1, 2)))


def with_mask(path: Path, inside: bool) -> Path:
    mask = np.full((100, 100), 255, "uint8")
    mask[:, :50] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=inside), rasterio.open(path, "r+") as raster:
        raster.write_mask(mask)
    return path


def rounded_tag(folder: Path) -> Path:
    values = noise(1, 100, 100).astype("float32")
    values[:, 40:60, 40:60] = LOWEST
    return write_scene(folder / "rounded.tif", values, nodata=-3.40282306e38)


def per_band_tags(folder: Path) -> Path:
    values = noise(2, 100, 100).astype("float32")
    values[0, :20], values[1, :, :20] = -1, -2
    source = write_scene(folder / "source.tif", values)
    rasterio.shutil.copy(source, folder / "tags.vrt", driver="VRT")
    text = (folder / "tags.vrt").read_text()
    for band in (1, 2):
        head, tail = text.split(f'band="{band}"')
        text = (
            f'{head}band="{band}"{tail[: tail.index(">") + 1]}<NoDataValue>-{band}</NoDataValue>'
            + (tail[tail.index(">") + 1 :])
        )
    (folder / "tags.vrt").write_text(text)
    return folder / "tags.vrt"


def mask_and_tag(folder: Path) -> Path:
    values = noise(1, 100, 100).astype("float32")
    values[:, :10] = -9999
    return with_mask(write_scene(folder / "both.tif", values, nodata=-9999), inside=True)


CASES: dict[str, tuple[Any, list[float]]] = {
    "a tag that is rounded": (rounded_tag, [0.96]),
    "a tag of each band": (per_band_tags, [0.8, 0.8]),
    "a mask, which hides the tag": (mask_and_tag, [0.5]),
    "a mask file": (lambda folder: with_mask(write_scene(folder / "a.tif", noise(2, 100, 100)), False), [0.5, 0.5]),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("resolution_m", [1.0, 0.5])
def test_scenes_have_gdal_s_gaps_on_their_grid_and_beside_it(case: str, resolution_m: float, tmp_path: Path) -> None:
    write, shares = CASES[case]
    path = write(tmp_path)
    with rasterio.open(path) as raster:
        assert (raster.read_masks() > 0).mean((1, 2)).tolist() == pytest.approx(shares)
    assert layer_valid(path, len(shares), resolution_m).tolist() == pytest.approx(shares, abs=0.006)


def test_zeros_beside_nodata_of_one_band_are_blended_into_nothing(tmp_path: Path) -> None:
    values = np.full((2, 100, 100), 200, "uint8")
    values[0, 40:60, 40:60] = 0
    path = write_scene(tmp_path / "a.tif", values, nodata=0)
    with Layer([path], 2, Grid.of(path, 0.7), "bilinear") as layer:
        pixels, valid = layer.read(0, 0, 142, 142)
    assert set(np.unique(pixels[0][valid[0]])) == {200}
    assert valid[0].mean() == pytest.approx(0.96, abs=0.01)
    assert valid[1].all()


def five_bands(path: Path) -> Path:
    values = noise(5, 100, 100).astype("uint16")
    values[4] = 65535
    values[4, :20] = 0
    write_scene(path, values)
    with rasterio.open(path, "r+") as raster:
        raster.colorinterp = [*raster.colorinterp[:4], ColorInterp.alpha]
    return path


def test_alpha_beyond_the_named_bands_is_their_mask_and_a_named_one_is_data(tmp_path: Path) -> None:
    path = five_bands(tmp_path / "a.tif")
    with open_raster(path, 4) as raster:
        assert raster.count == 4
        assert read_valid(raster).mean((1, 2)).tolist() == [0.8] * 4
        with as_floats(raster) as floats:
            assert np.isfinite(floats.read()).mean((1, 2)).tolist() == [0.8] * 4
    with open_raster(path, 5) as raster:
        assert read_valid(raster).all()
    with pytest.raises(UserError, match="has 5 bands, but 3 are named"):
        open_raster(path, 3)


def test_scale_and_offset_are_applied_on_both_paths(tmp_path: Path) -> None:
    raw = noise(2, 100, 100).astype("uint16")
    path = write_scene(tmp_path / "a.tif", raw, nodata=0)
    with rasterio.open(path, "r+") as raster:
        raster.scales, raster.offsets = (1e-4, 2e-4), (-0.1, 0.0)
    with open_raster(path, 2) as raster:
        scaling = scaling_of(raster)
        assert is_scaled(scaling)
        expected = apply_scaling(raster.read(), scaling)
        valid = read_valid(raster)
    np.testing.assert_allclose(expected[0], raw[0] * 1e-4 - 0.1, atol=1e-7)
    for resolution_m in (1.0, 0.5):
        with Layer([path], 2, Grid.of(path, resolution_m), "nearest") as layer:
            side = round(100 / resolution_m)
            pixels, known = layer.read(0, 0, side, side)
        step = round(1 / resolution_m)
        assert layer.dtype == "float32"
        np.testing.assert_array_equal(known[:, ::step, ::step], valid)
        np.testing.assert_allclose(pixels[:, ::step, ::step][valid], expected[valid], atol=1e-7)


def test_scenes_of_other_scales_are_refused(tmp_path: Path) -> None:
    plain, scaled = (write_scene(tmp_path / f"{name}.tif", noise(1, 20, 20)) for name in ("plain", "scaled"))
    with rasterio.open(scaled, "r+") as raster:
        raster.scales = (0.5,)
    with pytest.raises(UserError, match=r"scaled\.tif: band 1 has scale 0\.5 and offset 0, but .* have no scale"):
        Layer([plain, scaled], 1, Grid.of(plain, 1.0), "nearest")


@pytest.mark.parametrize("resolution_m", [1.0, 0.5])
def test_declared_values_are_nodata_and_zero_only_in_all_bands(resolution_m: float, tmp_path: Path) -> None:
    values = noise(2, 100, 100).astype("float32") + 1
    values[0, :10] = -9999
    values[:, 50:60] = 0
    values[1, 70:75] = 0
    path = write_scene(tmp_path / "a.tif", values)
    assert mark_declared(values, np.ones(values.shape, bool), [-9999, 0]).mean((1, 2)).tolist() == [0.8, 0.9]
    found = layer_valid(path, 2, resolution_m, (-9999, 0)).tolist()
    assert found == pytest.approx([0.8, 0.9], abs=0.02)


def test_awkward_names_are_read(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "we & <i>'rd\".tif", noise(1, 100, 100), nodata=3)
    assert layer_valid(path, 1, 0.5)[0] > 0.9
