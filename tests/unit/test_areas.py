"""Generated land: its crossings lie where a road meets a channel, and its tiles fit."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine

from workflow_lib.data.data_config import LandscapeConfig
from workflow_lib.data.scenes import Grid, Layer
from workflow_lib.data.synthetic.areas import generate_landscape

LAND = LandscapeConfig(terrain={"one": "Nebraska", "two": "Illinois"}, size_px=300, tiles=2, roads=4, channels=3)


def read(folder: Path, source: str, bands: int) -> tuple[NDArray[np.float32], Affine]:
    """All tiles as one."""
    files = [folder / f"{source}_{tile}.tif" for tile in range(4)]
    grid = Grid.of(files[0], 1.0)
    with Layer(files, bands, grid, "nearest") as layer:
        pixels, valid = layer.read(0, 0, 300, 300)
    assert valid.all()
    return pixels, grid.transform(0, 0)


def generate(folder: Path, area: str, seed: int = 1) -> pd.DataFrame:
    folder.mkdir()
    scenes = [folder / f"{source}_{tile}.tif" for source in ("DEM", "Aer") for tile in range(4)]
    generate_landscape(LAND, area, seed, scenes, folder / "points.csv")
    return pd.read_csv(folder / "points.csv")


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("land") / "one"
    return folder, generate(folder, "one")


def test_tiles_fit_and_cover_the_land(land: tuple[Path, pd.DataFrame]) -> None:
    for source, bands in (("DEM", 1), ("Aer", 4)):
        assert read(land[0], source, bands)[0].shape == (bands, 300, 300)
    dem = read(land[0], "DEM", 1)[0]
    steps = np.abs(np.diff(dem[0], axis=1))
    assert steps[:, 149].mean() < 3 * steps.mean()  # no edge where tiles meet


def test_a_crossing_is_a_road_over_a_channel(land: tuple[Path, pd.DataFrame]) -> None:
    """Across a channel away from roads the land has a cut; at a crossing the road fills it."""
    folder, points = land
    dem, transform = read(folder, "DEM", 1)
    true = points[points["class"] == "T"]
    assert len(true) >= 3
    for x, y in true[["x", "y"]].to_numpy():
        column, row = map(int, ~transform @ (x, y))
        around = dem[0, max(0, row - 15) : row + 16, max(0, column - 15) : column + 16]
        assert dem[0, row, column] - around.min() > 0.5


def test_plain_places_lie_away_from_crossings(land: tuple[Path, pd.DataFrame]) -> None:
    points = land[1]
    true, plain = (points.loc[points["class"] == label, ["x", "y"]].to_numpy() for label in ("T", "F"))
    assert len(plain) <= len(true)
    for place in plain:
        assert np.hypot(*(true - place).T).min() >= 40


def test_land_depends_on_seed_and_area(tmp_path: Path, land: tuple[Path, pd.DataFrame]) -> None:
    generate(tmp_path / "again", "one")
    for file in sorted((tmp_path / "again").iterdir()):
        assert file.read_bytes() == (land[0] / file.name).read_bytes()
    assert not generate(tmp_path / "other", "one", seed=2).equals(land[1])
    generate(tmp_path / "two", "two")
    with rasterio.open(tmp_path / "two" / "DEM_0.tif") as raster:
        assert raster.crs.to_epsg() == 32616
