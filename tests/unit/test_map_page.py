"""The page of a map shows what was found, with pictures, and how far the scenes are from the training chips."""

import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from rasterio.crs import CRS
from scene_files import NORTH, WEST, noise, write_scene
from test_field_figures import drift, scores

from workflow_lib.data.scenes import Grid
from workflow_lib.field.field_tables import DETECTIONS, DRIFT, MAP_SCORES
from workflow_lib.field.map_files import lay_out, write_classes, write_probabilities
from workflow_lib.field.sliding import Windows
from workflow_lib.report import map_page
from workflow_lib.report.map_pictures import Imagery
from workflow_lib.stages.report_map import main

SIDE = 200


@pytest.fixture(scope="module")
def area(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene of 200 x 200 pixels of 2 m, and the map of 10 x 10 windows."""
    folder = tmp_path_factory.mktemp("area")
    write_scene(folder / "scene.tif", noise(4, SIDE, SIDE), resolution=2.0)
    windows = Windows(rows=10, columns=10, stride_px=20, size_px=40)
    grid = Grid(CRS.from_epsg(32614), 2.0, WEST, NORTH)
    target = np.linspace(0, 1, 100, dtype=np.float32).reshape(10, 10)
    target[0, 0] = np.nan
    blocks = iter([((0, 0, 10, 10), np.stack([1 - target, target]))])
    blocks = write_probabilities(folder / "drawn.tif", blocks, ["F", "T"], grid, windows)
    for _ in write_classes(folder / "chosen.tif", blocks, ["F", "T"], grid, windows, abstain_below=0.75):
        pass
    lay_out(folder / "drawn.tif", folder / "map.tif", "average")
    lay_out(folder / "chosen.tif", folder / "map.classes.tif", "mode")
    return folder


def detections() -> pd.DataFrame:
    """30 places, of which the last five are missed true ones."""
    outcomes = ["hit", "false alarm"] * 12 + ["hit"] + ["missed"] * 5
    rows = {
        "area": "here", "class": "T", "x": WEST + 30.0 + 10 * np.arange(30), "y": NORTH - 50.0, "outcome": outcomes,
        "probability": [*np.linspace(0.99, 0.5, 25), *[np.nan] * 5],
    }  # fmt: skip
    DETECTIONS.check(pd.DataFrame(rows), Path("detections"))
    return pd.DataFrame(rows)


def page(area: Path, bundle: Path, **tables: pd.DataFrame) -> str:
    """Write the page as the stage does."""
    given = {
        "detections": detections(), "scores": scores().assign(area="here"),
        "drift": drift().iloc[2:].assign(area="here"),
    } | tables  # fmt: skip
    DETECTIONS.write(given["detections"], area / "detections.parquet")
    MAP_SCORES.write(given["scores"].drop_duplicates("threshold"), area / "scores.parquet")
    DRIFT.write(given["drift"], area / "drift.parquet")
    main([
        "--area=here", f"--description={bundle / 'bundle.json'}", f"--probability={area / 'map.tif'}",
        f"--classes-map={area / 'map.classes.tif'}", f"--drift={area / 'drift.parquet'}",
        f"--detections={area / 'detections.parquet'}", f"--scores={area / 'scores.parquet'}",
        f"--scenes={area / 'scene.tif'}", f"--output={area / 'page.html'}",
    ])  # fmt: skip
    return (area / "page.html").read_text()


def test_the_page_shows_places_with_pictures(area: Path, bundle: Path) -> None:
    text = page(area, bundle)
    assert "25 places were found in 99 windows with data, of 100." in text
    assert "13 hits, 12 false alarms, 5 missed." in text
    assert re.search(r"abstained in 50\.5 % of the windows, .* below 0\.75", text)
    assert text.count('class="mark ') == 30 and 'class="mark false-alarm"' in text
    assert text.count("<figcaption>T, probability") == 2 * map_page.PICTURES
    for title in ("Most certain places", "Least certain places that are reported", "True places that were missed"):
        assert f"<h2>{title}</h2>" in text
    assert "probability 0.990, hit" in text and "Precision against recall" in text and "nir" in text
    assert not re.search(r'(src|href)="(?!data:|#)', text), "it loads no other file"
    assert page(area, bundle) == text, "the same results give the same bytes"


def test_a_map_without_anything_is_a_page_too(area: Path, bundle: Path) -> None:
    text = page(area, bundle, detections=detections().iloc[:0], scores=scores().iloc[:0], drift=drift().iloc[:0])
    assert "0 places were found" in text and "could be compared" in text
    assert "<h2>Scores</h2>" not in text and "Most certain" not in text


def test_many_places_are_counted(area: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_page, "MAX_MARKS", 10)
    text = page(area, bundle)
    assert text.count('class="mark ') == 10 and "20 more are in the GeoPackage" in text


def test_pictures_lie_where_they_belong(area: Path) -> None:
    imagery = Imagery([area / "scene.tif"], area / "map.tif")
    assert imagery.size_px == (1600, 1600)
    assert imagery.place(WEST, NORTH) == (0, 0) and imagery.place(WEST + 100, NORTH - 300) == (25, 75)
    placed = imagery.put("x", np.zeros((2, 2, 4), np.uint8), (WEST, NORTH - 400, WEST + 200, NORTH))
    assert (placed.left, placed.top, placed.width, placed.height) == (0, 0, 50, 100)
    [picture] = imagery.around([(WEST + 80.0, NORTH - 120.0)], 2.0, 40)
    pixels = matplotlib.image.imread(BytesIO(b64decode(picture.partition(",")[2])))
    assert pixels.shape == (40, 40, 4)
    red = noise(4, SIDE, SIDE)[0, 40:80, 20:60].astype(float)
    assert np.corrcoef(pixels[..., 0].ravel(), red.ravel())[0, 1] > 0.99


def test_a_page_without_true_places_has_no_outcomes(area: Path, bundle: Path) -> None:
    unknown = detections().dropna().assign(outcome="unknown")
    text = page(area, bundle, detections=unknown, scores=scores().iloc[:0])
    assert "Compared with the true places" not in text and "probability 0.990; x" in text
