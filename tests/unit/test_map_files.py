"""Maps open quickly in GIS programs, and say where the model does not know."""

from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
from field_bundle import CERTAINTY
from rasterio.crs import CRS
from rio_cogeo import cog_validate
from scene_files import noise, write_scene

from workflow_lib.core.errors import UserError
from workflow_lib.data.geopackage import read_points
from workflow_lib.data.scenes import Grid
from workflow_lib.field.abstention import DONT_KNOW, NO_CLASS, Choice, choose_threshold
from workflow_lib.field.map_files import lay_out, write_classes, write_probabilities
from workflow_lib.field.sliding import Windows
from workflow_lib.stages.apply_model import main

CLASSES = ["F", "T", "U"]
CHOICES = [Choice(*row) for row in CERTAINTY.selection.itertuples(index=False)]


def test_maps_are_cloud_optimized_and_hold_the_given_values(tmp_path: Path) -> None:
    windows = Windows(rows=1300, columns=900, stride_px=20, size_px=40)
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], (windows.rows, windows.columns)).transpose(2, 0, 1)
    shares = shares.astype(np.float32)
    shares[:, :50] = np.nan
    grid = Grid(CRS.from_epsg(32614), 2.0, 600_000.0, 4_500_000.0)
    blocks = (
        (square, shares[:, square[0] : square[0] + square[2], square[1] : square[1] + square[3]])
        for square in windows.blocks()
    )
    drawn, chosen = tmp_path / "drawn.tif", tmp_path / "chosen.tif"
    blocks = write_probabilities(drawn, blocks, CLASSES, grid, windows)
    for _ in write_classes(chosen, blocks, CLASSES, grid, windows, abstain_below=0.6):
        pass
    lay_out(drawn, tmp_path / "map.tif", "average")
    lay_out(chosen, tmp_path / "classes.tif", "mode")
    for name in ("map.tif", "classes.tif"):
        valid, errors, warnings = cog_validate(tmp_path / name, strict=True, quiet=True)
        assert valid, (errors, warnings)
    with rasterio.open(tmp_path / "map.tif") as raster:
        np.testing.assert_array_equal(raster.read(), shares)
        assert raster.descriptions == ("F", "T", "U") and raster.overviews(1)
        assert raster.transform.a == 40.0 and raster.crs == grid.crs
    with rasterio.open(tmp_path / "classes.tif") as raster:
        found = raster.read(1)
        tags = raster.tags(1)
        assert [tags[f"CLASS_{number}"] for number in range(4)] == [*CLASSES, DONT_KNOW]
        assert raster.colormap(1)[0] == (0, 114, 178, 255) and raster.nodata == NO_CLASS
    expected = np.where(shares.max(0) < 0.6, 3, np.nan_to_num(shares).argmax(0))
    expected[:50] = NO_CLASS
    np.testing.assert_array_equal(found, expected)


def test_the_model_abstains_where_it_is_not_sure(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The untrained network is sure of everything unless values are small.
    dem, aerial = (
        write_scene(tmp_path / f"{bands}.tif", noise(bands, 200, 200).astype(np.float32) / 255, resolution=2.0)
        for bands in (1, 2)
    )
    outputs = [f"--probability={tmp_path / 'map.tif'}", f"--detections={tmp_path / 'found.gpkg'}"]
    flags = [str(bundle), f"--scene=dem={dem}", f"--scene=red,nir={aerial}", *outputs, "--min-distance-m=0", "--force"]
    main([*flags, "--overlap=0.8", "--threshold=0.1", "--classes", "F", "T"])
    before, _ = read_points(tmp_path / "found.gpkg", ["class", "probability"])
    with rasterio.open(tmp_path / "map.classes.tif") as raster:
        assert set(np.unique(raster.read())) <= {0, 1, NO_CLASS}
    capsys.readouterr()
    main([*flags, "--overlap=0.8", "--threshold=0.1", "--classes", "F", "T", "--max-error-pct=7"])
    assert "abstains below a probability of 0.62: 70 % of the validation chips" in capsys.readouterr().err
    after, _ = read_points(tmp_path / "found.gpkg", ["class", "probability"])
    with rasterio.open(tmp_path / "map.tif") as raster:
        shares = raster.read()
    with rasterio.open(tmp_path / "map.classes.tif") as raster:
        classes = raster.read(1)
    unsure = shares.max(0) < 0.62
    assert 0 < unsure.sum() < np.isfinite(shares[0]).sum()
    np.testing.assert_array_equal(classes == 2, unsure)
    cell_m2 = 16.0**2
    for layer, part in (("abstained", unsure), ("no_data", np.isnan(shares[0]))):
        _, _, areas, (sizes,) = pyogrio.raw.read(tmp_path / "found.gpkg", layer=layer)
        assert sizes.sum() == pytest.approx(part.sum() * cell_m2) and len(areas) <= part.sum()
    assert len(before) == 2 * np.isfinite(shares[0]).sum()
    assert len(after) == 2 * (np.isfinite(shares[0]) & ~unsure).sum()


def test_the_lowest_threshold_within_the_bound_is_chosen() -> None:
    assert choose_threshold(CHOICES, 12.0).threshold == 0.0
    assert choose_threshold(CHOICES, 9.5).threshold == 0.62
    with pytest.raises(UserError, match=r"no threshold keeps the error below 5 %.*the best is 6\.00 %, from .* 0\.62"):
        choose_threshold(CHOICES, 5.0)
    with pytest.raises(UserError, match="does not state how sure its model must be"):
        choose_threshold([], 5.0)
