"""Scenes that a model was not made for are refused or flagged by name; right ones give the same map in every format."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import rasterio.shutil
from field_bundle import deploy
from numpy.typing import NDArray
from range_server import serve
from scene_files import write_scene

from workflow_lib.core.errors import UserError
from workflow_lib.data.band_statistics import BandStatistics, Source, quantiles
from workflow_lib.field.bundle import write_checksums
from workflow_lib.field.drift import stability_index
from workflow_lib.stages.apply_model import main

BANDS = ["dem", "red", "nir"]
SIDE = 400
Pixels = dict[str, NDArray[np.float32]]


def land(seed: int, side: int = SIDE) -> Pixels:
    """Elevation of gentle hills, and two spectral bands of different brightness."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side] / 25
    hills = 400 + 3 * np.sin(rows + seed) + 3 * np.cos(columns) + generator.normal(0, 0.2, (side, side))
    red, nir = (np.clip(generator.normal(middle, 15, (side, side)), 1, 255).round() for middle in (70, 150))
    return {"dem": hills.astype(np.float32), "red": red.astype(np.float32), "nir": nir.astype(np.float32)}


@pytest.fixture(scope="module")
def statistics() -> pd.DataFrame:
    found = BandStatistics(BANDS)
    for seed in range(100):
        chip = np.stack(list(land(seed, 40).values()), -1)
        sources = (Source("float32", (1.0, 0.0), 2.0), *(Source("uint8", (1.0, 0.0), 2.0),) * 2)
        found.add("here", chip, BANDS, np.ones(chip.shape, bool), sources)
    return found.table()


@pytest.fixture(scope="module", params=["per_dataset", "per_chip_band"])
def model(request: pytest.FixtureRequest, statistics: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    deploy(folder, request.param, smaller=False, bands=statistics)
    return folder


def write(folder: Path, pixels: Pixels, kinds: dict[str, str], resolution: float = 2.0) -> list[str]:
    """Write each band into a file of its own; flags of apply_model."""
    folder.mkdir(exist_ok=True)
    files = {
        band: write_scene(
            folder / f"{band}.tif", values.astype(kinds.get(band, "float32"))[None], resolution=resolution
        )
        for band, values in pixels.items()
    }
    return [f"--scene={band}={file}" for band, file in files.items()]


STORED = {"red": "uint8", "nir": "uint8"}


def apply(model: Path, scenes: list[str], folder: Path, *more: str) -> tuple[NDArray[np.float32], pd.DataFrame]:
    """Return the probabilities and the drift."""
    chart = folder / "map.tif"
    main([str(model), *scenes, f"--probability={chart}", f"--detections={folder / 'found.gpkg'}", "--overlap=0", *more])
    with rasterio.open(chart) as raster:
        return raster.read(), pd.read_csv(folder / "map.drift.csv").set_index("band")


def test_a_scene_like_the_training_chips_is_accepted_in_silence(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shares, drift = apply(model, write(tmp_path / "scenes", land(1000), STORED), tmp_path)
    assert np.isfinite(shares).sum() == 2 * 10 * 10
    assert "warning" not in capsys.readouterr().err
    assert list(drift.index) == BANDS and (drift["psi"] < drift["psi_limit"]).all()
    assert (drift["windows"] == 100).all() and drift["outside_pct"].max() < 20
    assert drift["contrast_ratio"].between(0.8, 1.25).all()


def as_floats(pixels: Pixels) -> Pixels:
    return pixels | {band: pixels[band] / 255 for band in ("red", "nir")}


def as_16_bit(pixels: Pixels) -> Pixels:
    return pixels | {band: pixels[band] * 257 for band in ("red", "nir")}


def opaque(pixels: Pixels) -> Pixels:
    return pixels | {"nir": np.full_like(pixels["nir"], 255)}


def masked(pixels: Pixels) -> Pixels:
    mask = np.zeros_like(pixels["nir"])
    mask[:, 330:] = 255
    return pixels | {"nir": mask}


def exchanged(pixels: Pixels) -> Pixels:
    return pixels | {"red": pixels["nir"], "nir": pixels["red"]}


def shifted(pixels: Pixels) -> Pixels:
    return pixels | {band: pixels[band] - 1000 for band in ("red", "nir")}


# Case -> what is done to the pixels, their data types, the pixel size (m), the named bands, and words of the message.
WRONG: dict[str, tuple[Callable[[Pixels], Pixels], dict[str, str], float, str]] = {
    "values from 0 to 1": (as_floats, {}, 2.0, r"red\.tif: band red is .*\(float32\) and varies 0\.00.* \(uint8\)"),
    "16 bits": (as_16_bit, {"red": "uint16", "nir": "uint16"}, 2.0, r"band red is .*\(uint16\) and varies 2\d\d times"),
    "10 m pixels": (dict, STORED, 10.0, r"dem\.tif: band dem: pixels are 10 m on the ground, but 2 m in training"),
    "alpha for near infrared": (opaque, STORED, 2.0, r"band nir is constant \(255\).*is it an alpha or mask band"),
    "a mask for near infrared": (masked, STORED, 2.0, r"band nir is constant \(0\) in most windows"),
    "exchanged bands": (exchanged, STORED, 2.0, r"bands red and nir look exchanged: red is 12\d"),
    "an offset": (
        shifted,
        {},
        2.0,
        r"band red is -.*: 100 % of the values are outside of the .* of all training chips",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_scene_is_refused_unless_forced(
    case: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, kinds, resolution, words = WRONG[case]
    scenes = write(tmp_path / "scenes", change(land(1000)), kinds, resolution)
    with pytest.raises(UserError, match=words) as refused:
        apply(model, scenes, tmp_path)
    assert "--force" in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scenes"], "nothing is left behind"
    capsys.readouterr()
    shares, _ = apply(model, scenes, tmp_path, "--force")
    assert np.isfinite(shares).any()
    assert "apply_model: warning: " in capsys.readouterr().err


def test_a_scene_without_data_cannot_be_compared(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = write(tmp_path / "scenes", {band: np.zeros_like(values) for band, values in land(1).items()}, STORED)
    for band in BANDS:
        with rasterio.open(tmp_path / "scenes" / f"{band}.tif", "r+") as raster:
            raster.nodata = 0
    shares, drift = apply(model, flags, tmp_path)
    assert np.isnan(shares).all() and drift.empty
    assert "no window with data was found to compare" in capsys.readouterr().err


def test_a_scene_of_another_year_is_flagged(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels = land(1000)
    _, drift = apply(model, write(tmp_path / "scenes", pixels | {"nir": pixels["nir"] + 40}, STORED), tmp_path)
    err = capsys.readouterr().err
    assert "band nir has another distribution than in training" in err and "band red" not in err
    assert drift.loc["nir", "psi"] > drift.loc["nir", "psi_limit"] > drift.loc["red", "psi"]


def test_one_picture_gives_one_map_in_every_format(model: Path, tmp_path: Path) -> None:
    pixels = land(1000)
    plain, _ = apply(model, write(tmp_path / "scenes", pixels, STORED), tmp_path)

    tagged = write(tmp_path / "tagged", as_16_bit(pixels), {"red": "uint16", "nir": "uint16"})
    for band in ("red", "nir"):
        with rasterio.open(tmp_path / "tagged" / f"{band}.tif", "r+") as raster:
            raster.scales, raster.offsets = (1 / 257,), (0.0,)
    described = [tagged[0]]
    for band in ("red", "nir"):
        file = tmp_path / "tagged" / f"{band}.vrt"
        with rasterio.open(tmp_path / "tagged" / f"{band}.tif") as raster:
            rasterio.shutil.copy(raster, file, driver="VRT")
        described.append(f"--scene={band}={file}")
    cloud = []
    for flag in write(tmp_path / "cloud", pixels, STORED):
        band, _, name = flag.removeprefix("--scene=").partition("=")
        file = Path(name).with_name(f"{band}_cog.tif")
        rasterio.shutil.copy(name, file, driver="COG")
        cloud.append(f"--scene={band}={file}")
    for scenes in (tagged, described, cloud):
        found, _ = apply(model, scenes, tmp_path)
        np.testing.assert_allclose(found, plain, atol=1e-5)


def test_scenes_at_addresses_give_the_same_map(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    pixels = land(1000)
    local = write(tmp_path / "scenes", pixels, STORED)
    plain, _ = apply(model, local, tmp_path)
    (tmp_path / "served").mkdir()
    for flag in local:
        band, _, name = flag.removeprefix("--scene=").partition("=")
        rasterio.shutil.copy(name, tmp_path / "served" / f"{band}.tif", driver="COG", blocksize=128)
    with serve(tmp_path / "served") as address:
        monkeypatch.setenv("AWS_S3_ENDPOINT", address.removeprefix("http://"))
        for name, value in {"HTTPS": "NO", "VIRTUAL_HOSTING": "FALSE", "NO_SIGN_REQUEST": "YES"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        rasterio.shutil.copy(f"/vsicurl/{address}/red.tif", tmp_path / "red.vrt", driver="VRT")
        remote = [f"dem={address}/dem.tif", f"red={tmp_path / 'red.vrt'}", "nir=s3://scenes/nir.tif"]
        found, _ = apply(model, [f"--scene={scene}" for scene in remote], tmp_path)
    np.testing.assert_array_equal(found, plain)
    assert set((tmp_path / "served" / ".sent").read_text().split()) == {f"{band}.tif" for band in BANDS}


def test_a_scale_that_training_files_stated_is_missed(
    statistics: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scaled = statistics.assign(scale=1 / 257, offset=0.0)
    deploy(tmp_path / "model", smaller=False, bands=scaled)
    scenes = write(tmp_path / "scenes", as_16_bit(land(1000)), {"red": "uint16", "nir": "uint16"})
    with pytest.raises(UserError, match=r"states no scale, those of training scale 0\.00389105 and offset 0"):
        apply(tmp_path / "model", scenes, tmp_path)


@pytest.mark.parametrize(("trained", "scale"), [(["red"], None), ([], 1 / 257)])
def test_without_a_contract_another_scaling_is_refused(
    statistics: pd.DataFrame, tmp_path: Path, trained: list[str], scale: float | None
) -> None:
    folder = tmp_path / "model"
    deploy(folder, smaller=False, bands=statistics)
    description = json.loads((folder / "bundle.json").read_text())
    del description["input"]["contract"]
    description["input"]["scaled"] = trained
    (folder / "bundle.json").write_text(json.dumps(description))
    (folder / "SHA256SUMS").unlink()
    write_checksums(list(folder.iterdir()), folder / "SHA256SUMS")
    scenes = write(tmp_path / "scenes", land(1000), STORED)
    if scale:
        with rasterio.open(tmp_path / "scenes" / "red.tif", "r+") as raster:
            raster.scales = (scale,)
    with pytest.raises(UserError, match=r"red\.tif: band red has .*, but the model's training chips had (a|no) scale"):
        apply(folder, scenes, tmp_path)


def test_the_index_is_zero_for_equal_distributions_with_ties() -> None:
    values = np.repeat([0.0, 0.0, 0.0, 5.0, 9.0], 100)
    assert stability_index(values, quantiles(values)) < 0.02
    assert stability_index(values + 1, quantiles(values)) > 1
    assert stability_index(np.zeros(10), [0.0] * 21) == 0
