"""A deployed model on whole scenes: the network sees what it learned from, windows cover all, nothing is done twice."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import onnxruntime
import pytest
import rasterio
from field_bundle import BANDS, CHANNELS, SIZE, deploy
from rasterio.crs import CRS
from scene_files import NORTH, WEST, noise, write_scene

from workflow_lib.core.errors import UserError
from workflow_lib.core.sealed import save_array
from workflow_lib.data.bands import add_indices, normalise
from workflow_lib.data.geopackage import read_points
from workflow_lib.data.scenes import Grid, Layer
from workflow_lib.field import sliding
from workflow_lib.field.bundle import Bundle
from workflow_lib.field.detections import PLACE, suppress
from workflow_lib.field.sliding import Windows
from workflow_lib.stages.apply_model import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Elevation, and imagery of three bands in two tiles with a hole; flags of apply_model."""
    folder = tmp_path_factory.mktemp("scenes")
    aerial = noise(3, 150, 200)
    aerial[:, 60:140, 20:110] = 0
    dem = write_scene(folder / "dem.tif", noise(1, 150, 200).astype(np.float32), resolution=2.0)
    files = [
        write_scene(
            folder / f"aer_{n}.tif", aerial[:, :, start : start + 100], west=WEST + 2 * start, resolution=2.0, nodata=0
        )
        for n, start in enumerate((0, 100))
    ]
    return [f"--scene=dem={dem}", *(f"--scene=red,green,nir={file}" for file in files)]


def apply(bundle: Path, scenes: list[str], folder: Path, *more: str) -> tuple[Path, Path]:
    probability, detections = folder / "map.tif", folder / "found.gpkg"
    main([str(bundle), *scenes, f"--probability={probability}", f"--detections={detections}", *more])
    return probability, detections


@pytest.mark.parametrize("normalisation", ["per_dataset", "per_chip_band", "per_column", "none"])
def test_the_network_sees_on_the_device_what_it_learned_from(tmp_path: Path, normalisation: str) -> None:
    dataset = deploy(tmp_path / "model", normalisation, smaller=False)
    model = Bundle.open(tmp_path / "model")
    raw = noise(5, SIZE, SIZE) / np.float32(255)
    found = model.probabilities(raw, np.ones(raw.shape, dtype=bool), BANDS[:5])
    chip = normalise(add_indices(np.moveaxis(raw, 0, -1), BANDS[:5], BANDS), normalisation)
    view = dataset.view(CHANNELS, np.arange(12))
    seen = type(view)(chip[None], view.channels, view.scaling).batch(np.array([0]))
    session = onnxruntime.InferenceSession(str(tmp_path / "model" / "model.onnx"))
    (logits,) = session.run(None, {session.get_inputs()[0].name: np.moveaxis(seen, -1, 1)})
    expected = np.exp(logits[0]) / np.exp(logits[0]).sum()
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_gaps_get_the_mean_as_in_training(bundle: Path) -> None:
    model = Bundle.open(bundle)
    raw = noise(3, SIZE, SIZE).astype(np.float32)
    valid = np.ones(raw.shape, dtype=bool)
    valid[0, :5] = False
    other = raw.copy()
    other[0, :5] = -9999
    names = ["dem", "red", "nir"]
    np.testing.assert_array_equal(model.probabilities(raw, valid, names), model.probabilities(other, valid, names))


def test_a_bundle_is_checked(bundle: Path, tmp_path: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=bundle, check=True)
    description = json.loads((bundle / "bundle.json").read_text())
    assert description["input"]["bands"] == ["dem", "red", "nir"]
    assert description["input"]["resolution_m"] == 2.0
    assert description["input"]["crs"] == ["EPSG:32614"] and description["input"]["units"] == {"dem": "m"}
    assert description["models"] == {"fp32": "model.onnx", "fp16": "model_fp16.onnx", "int8": "model_int8.onnx"}
    deploy(tmp_path / "model", smaller=False)
    with pytest.raises(UserError, match="has no int8 network; choose one of fp32"):
        Bundle.open(tmp_path / "model", "int8")
    with (tmp_path / "model" / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(UserError, match=r"model\.onnx: is not the deployed file: its checksum differs"):
        Bundle.open(tmp_path / "model")
    (tmp_path / "model" / "model.onnx").unlink()
    with pytest.raises(UserError, match="is missing from the bundle"):
        Bundle.open(tmp_path / "model")
    with pytest.raises(UserError, match="is not a bundle"):
        Bundle.open(tmp_path)


def test_the_same_model_is_the_same_bundle(bundle: Path, tmp_path: Path) -> None:
    deploy(tmp_path / "model")
    assert (tmp_path / "model" / "SHA256SUMS").read_text() == (bundle / "SHA256SUMS").read_text()


def test_a_map_has_its_scenes_place_and_a_probability_per_window(
    bundle: Path, scenes: list[str], tmp_path: Path
) -> None:
    probability, detections = apply(bundle, scenes, tmp_path, "--overlap=0.5", "--threshold=0.2")
    with rasterio.open(probability) as raster:
        shares = raster.read()
        assert raster.descriptions == ("F", "T")
        assert raster.crs == CRS.from_epsg(32614)
        assert raster.transform.a == 40.0 and raster.transform.c == WEST and raster.transform.f == NORTH
        assert raster.shape == (8, 10)
    known = np.isfinite(shares[0])
    assert not known[4, 3] and known[2, 7] and not known[0, 0]  # in the hole; within; half outside
    np.testing.assert_allclose(shares.sum(0)[known], 1, rtol=1e-5)
    rows, crs = read_points(detections, ["class", "probability"])
    assert crs == CRS.from_epsg(32614)
    assert {row["class"] for row in rows} <= {"T"}  # F is the background
    files = {"found.gpkg", "map.classes.tif", "map.drift.csv", "map.tif"}
    assert {file.name for file in tmp_path.iterdir()} == files


def test_a_window_s_probability_is_that_of_the_chip_around_the_pixel(
    bundle: Path, scenes: list[str], tmp_path: Path
) -> None:
    probability, _ = apply(bundle, scenes, tmp_path)
    model = Bundle.open(bundle)
    with rasterio.open(probability) as raster:
        x, y = raster.xy(2, 7)
        share = raster.read()[:, 2, 7]
    files = [Path(scene.rpartition("=")[2]) for scene in scenes]
    grid = Grid.of(files[0], 2.0)
    column, row = grid.corner(x, y, SIZE)
    with Layer(files[:1], 1, grid, "bilinear") as dem, Layer(files[1:], 3, grid, "nearest") as aerial:
        parts = [layer.read(column, row, SIZE, SIZE) for layer in (dem, aerial)]
    pixels = np.concatenate([part.astype(np.float32) for part, _ in parts])
    valid = np.concatenate([known for _, known in parts])
    np.testing.assert_array_equal(share, model.probabilities(pixels, valid, ["dem", "red", "green", "nir"]))


def test_the_temperature_divides_the_logits(bundle: Path) -> None:
    model = Bundle.open(bundle)
    generator = np.random.default_rng(0)
    chip = (generator.random((4, SIZE, SIZE)), np.ones((4, SIZE, SIZE), bool), ["dem", "red", "green", "nir"])
    plain = model.probabilities(*chip)
    softer = replace(model, description=replace(model.description, temperature=2.0)).probabilities(*chip)
    expected = np.sqrt(plain) / np.sqrt(plain).sum()
    np.testing.assert_allclose(softer, expected, rtol=1e-5)


def test_blocks_threads_and_an_earlier_kill_change_nothing(
    bundle: Path, scenes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("whole", "blocks", "killed"):
        (tmp_path / name).mkdir()
    expected = [file.read_bytes() for file in apply(bundle, scenes, tmp_path / "whole", "--threads=1")]
    monkeypatch.setattr(sliding, "_BLOCK_PX", 80)
    apply(bundle, scenes, tmp_path / "blocks", "--threads=3")
    with rasterio.open(tmp_path / "whole" / "map.tif") as one, rasterio.open(tmp_path / "blocks" / "map.tif") as other:
        np.testing.assert_array_equal(one.read(), other.read())
    assert (tmp_path / "blocks" / "found.gpkg").read_bytes() == expected[1]

    classify, calls = Bundle.probabilities, []

    def die_at_the_twentieth(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 20:
            raise KeyboardInterrupt
        return classify(*arguments)

    monkeypatch.setattr(Bundle, "probabilities", die_at_the_twentieth)
    with pytest.raises(KeyboardInterrupt):
        apply(bundle, scenes, tmp_path / "killed", "--threads=1")
    partial = tmp_path / "killed" / "map.tif.partial"
    done = len(list(partial.glob("*.npy")))
    assert done > 0 and not (tmp_path / "killed" / "map.tif").exists()
    before = len(calls)
    apply(bundle, scenes, tmp_path / "killed", "--threads=1")
    windows = int(np.isfinite(rasterio.open(tmp_path / "blocks" / "map.tif").read(1)).sum())
    assert len(calls) - before < windows  # what was done is not done again
    for name in ("map.tif", "found.gpkg"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "blocks" / name).read_bytes()
    assert not partial.exists()


def test_the_next_block_is_read_while_one_is_classified(
    bundle: Path, scenes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sliding, "_BLOCK_PX", 80)
    read, classify, blocks, both = sliding.read_layers, Bundle.probabilities, [], Event()

    def read_a_block(*arguments: Any) -> Any:
        blocks.append(arguments)
        if len(blocks) == 2:
            both.set()
        return read(*arguments)

    def classify_when_the_second_is_being_read(*arguments: Any) -> Any:
        assert both.wait(timeout=60), "the second block is not read before the first is classified"
        return classify(*arguments)

    monkeypatch.setattr(sliding, "read_layers", read_a_block)
    monkeypatch.setattr(Bundle, "probabilities", classify_when_the_second_is_being_read)
    apply(bundle, scenes, tmp_path, "--threads=1")
    assert len(blocks) > 2


def test_the_order_of_tiles_changes_nothing(bundle: Path, scenes: list[str], tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    expected = apply(bundle, scenes, tmp_path / "one")
    found = apply(bundle, [scenes[2], scenes[1], scenes[0]], tmp_path / "other")
    with rasterio.open(expected[0]) as one, rasterio.open(found[0]) as other:
        assert other.transform == one.transform and other.shape == one.shape
        np.testing.assert_array_equal(other.read(), one.read())


def test_a_block_that_was_cut_off_is_made_again(bundle: Path, scenes: list[str], tmp_path: Path) -> None:
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    expected, _ = apply(bundle, scenes, tmp_path / "whole")
    (tmp_path / "cut" / "found.gpkg-wal").write_text("in the way")
    arguments = [str(bundle), *scenes, f"--probability={tmp_path / 'cut' / 'map.tif'}"]
    with pytest.raises(UserError, match="is open in another program"):
        main([*arguments, f"--detections={tmp_path / 'cut' / 'found.gpkg'}"])
    (tmp_path / "cut" / "found.gpkg-wal").unlink()
    (block,) = (tmp_path / "cut" / "map.tif.partial").glob("*.npy")
    block.write_bytes(block.read_bytes()[:50])
    main([*arguments, f"--detections={tmp_path / 'cut' / 'found.gpkg'}"])
    assert (tmp_path / "cut" / "map.tif").read_bytes() == expected.read_bytes()


def test_scenes_that_are_not_needed_are_not_read(bundle: Path, scenes: list[str], tmp_path: Path) -> None:
    gaps = write_scene(tmp_path / "gaps.tif", np.zeros((1, 10, 10), np.uint8), nodata=0)
    probability, _ = apply(bundle, [*scenes, f"--scene=slope={gaps}"], tmp_path)
    with rasterio.open(probability) as raster:
        assert np.isfinite(raster.read(1)).any()


def test_blocks_of_another_map_are_not_taken(
    bundle: Path, scenes: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    partial = tmp_path / "map.tif.partial"
    partial.mkdir()
    (partial / "key.json").write_text("{}")
    save_array(partial / "0_0.npy", np.zeros((2, 8, 10), np.float32))
    probability, _ = apply(bundle, scenes, tmp_path)
    assert "is from another model, scene or option" in capsys.readouterr().err
    with rasterio.open(probability) as raster:
        assert np.nanmax(raster.read()) > 0


def test_windows_cover_the_scenes(tmp_path: Path) -> None:
    file = write_scene(tmp_path / "a.tif", noise(1, 95, 130))
    grid = Grid.of(file, 1.0)
    with Layer([file], 1, grid, "nearest") as layer:
        windows = Windows.over(grid, layer, 40, 0.75)
    assert (windows.rows, windows.columns, windows.stride_px) == (10, 13, 10)
    for number in range(13):
        assert windows.start(number) + 20 == 10 * number + 5
    squares = [(r + i, c + j) for r, c, h, w in windows.blocks() for i in range(h) for j in range(w)]
    assert sorted(squares) == [(r, c) for r in range(10) for c in range(13)]


def test_the_most_probable_of_near_places_stays() -> None:
    rows = [(0, 0, 1, 0.9), (0, 8, 1, 0.95), (0, 17, 1, 0.8), (0, 19, 1, 0.7), (0, 8, 0, 0.6)]
    places = np.array(rows, PLACE)
    assert [(place["column"], place["label"]) for place in suppress(places, 9.0)] == [(8, 1), (17, 1), (8, 0)]
    assert len(suppress(places, 0.0)) == 5
    assert len(suppress(places[:0], 5.0)) == 0
    equal = np.array([(3, 3, 1, 0.5), (2, 4, 1, 0.5)], PLACE)
    assert suppress(equal, 2.0)["row"].tolist() == [2]


def test_suppression_equals_a_slow_one() -> None:
    random = np.random.default_rng(0)
    places = np.zeros(300, PLACE)
    places["row"], places["column"] = random.integers(0, 40, (2, 300))
    places["label"], places["probability"] = random.integers(0, 2, 300), random.random(300)
    for least in (0.5, 1.0, 2.5, 7.0):
        kept: list[Any] = []
        for place in sorted(places, key=lambda place: -place["probability"]):
            if all(
                other["label"] != place["label"]
                or np.hypot(float(other["row"] - place["row"]), float(other["column"] - place["column"])) >= least
                for other in kept
            ):
                kept.append(place)
        assert suppress(places, least).tolist() == [place.tolist() for place in kept]


@pytest.mark.parametrize(
    ("flags", "fragment"),
    [
        (["--scene=dem"], "dem is not BANDS=FILE"),
        (["--overlap=1"], "--overlap: 1 is not a share"),
        (["--threshold=2"], "--threshold: 2 is not a probability"),
        (["--threads=0"], "--threads: 0 is not a number of threads"),
        (["--min-distance-m=nan"], "--min-distance-m: nan is not a distance"),
        (["--classes", "road"], "--classes: the model has no class road; choose from F, T"),
        (["--precision=int4"], "has no int4 network"),
        (["--crs=EPSG:4326"], "not projected in metres"),
    ],
)
def test_wrong_flags_are_one_clear_line(
    bundle: Path, scenes: list[str], tmp_path: Path, flags: list[str], fragment: str
) -> None:
    with pytest.raises(UserError, match=fragment):
        apply(bundle, scenes, tmp_path, *flags)
    assert list(tmp_path.iterdir()) == []


def test_missing_bands_and_scenes_are_named(bundle: Path, scenes: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the model also needs red, nir"):
        apply(bundle, scenes[:1], tmp_path)
    with pytest.raises(UserError, match="a band occurs twice"):
        apply(bundle, [scenes[0], scenes[0].replace("dem=", "dem,red=", 1)], tmp_path)
    with pytest.raises(UserError, match=r"gone\.tif: no such file"):
        apply(bundle, [*scenes[1:], f"--scene=dem={tmp_path / 'gone.tif'}"], tmp_path)


def test_the_field_needs_no_more_than_it_says() -> None:
    """No package beside the three that requirements.txt names, and what these bring along."""
    code = (
        "import sys; before = set(sys.modules); import workflow_lib.stages.apply_model, onnxruntime, rasterio;"
        "print(*sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"torch", "pandas", "pyarrow", "pydantic", "scipy", "joblib", "jinja2"}
