"""Figures and tables of what lies before the chips and after the front: samples, precisions, maps."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from synthetic_run import Run, content_of, make_run, png

from workflow_lib.config import Config
from workflow_lib.data.data_config import ClipConfig
from workflow_lib.field.detection_scores import score_map
from workflow_lib.field.field_config import MapConfig, PrecisionsConfig
from workflow_lib.field.field_tables import DRIFT
from workflow_lib.report.page import render
from workflow_lib.report.plots.drift_plots import map_drift
from workflow_lib.report.plots.precision_plots import front_precisions
from workflow_lib.report.plots.scene_plots import Backdrop, area_maps, map_scores, sample_map


@pytest.fixture(scope="module")
def run() -> Run:
    return make_run()


def texts(figure: Figure) -> list[str]:
    """All words of the legends and titles."""
    legends = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    return legends + [axes.get_title() for axes in figure.axes]


def backdrop(bands: int) -> Backdrop:
    pixels: Any = np.ma.masked_array(np.random.default_rng(0).random((bands, 20, 30)), mask=False)
    pixels[:, :3] = np.ma.masked
    return pixels, (0.0, 0.0, 300.0, 200.0)


def samples() -> pd.DataFrame:
    rows = [
        ("west", "T", None, False),
        ("west", "F", None, True),
        ("west", "T", "on nodata of <b>DEM</b>", False),
        ("east", "T", None, False),
    ]
    frame = pd.DataFrame(rows, columns=["region", "class", "reason", "drawn"])
    return frame.assign(x=range(4), y=5.0, sample=range(4), crs="EPSG:32614", tile=0)


def precisions(run: Run) -> pd.DataFrame:
    members = run.ranked.loc[run.ranked["on_front"], "candidate"]
    files = (("fp32", 0.0, 4_000_000), ("fp16", 0.0, 2_000_000), ("int8", 3.5, 1_000_000))
    rows = [(name, *file) for name in members for file in files]
    frame = pd.DataFrame(rows, columns=["candidate", "precision", "loss_pct", "memory_bytes"])
    return frame.assign(
        accuracy_pct=90 - frame["loss_pct"],
        accuracy_error_pct=1.0,
        lossy=frame["loss_pct"] > 2,
        latency_run_std_ms=0.1,
        loss_error_pct=frame["precision"].map({"fp16": 0.25, "int8": 0.25}),
        latency_ms=frame["memory_bytes"] / 1e6,
    )


def detections() -> pd.DataFrame:
    return pd.DataFrame({
        "area": ["one"] * 4 + ["two"], "class": "T", "x": [10.0, 50, 90, 120, 30], "y": 50.0,
        "probability": [0.9, 0.8, np.nan, np.nan, 0.7], "outcome": ["hit", "false alarm", "missed", "uncovered", "hit"],
    })  # fmt: skip


def scores() -> pd.DataFrame:
    return pd.concat(
        [score_map(rows, 0.5).assign(area=area) for area, rows in detections().groupby("area")], ignore_index=True
    )


def test_samples_are_counted_on_their_map() -> None:
    shown = texts(sample_map(samples(), {"west": backdrop(4), "east": backdrop(1)}))
    assert {"T (2)", "F (1)", "no chip (1)", "west (2 chips)", "east (1 chips)"} <= set(shown)


def test_precisions_are_marked_where_they_lose_too_much(run: Run) -> None:
    assert {"fp32", "fp16", "int8", "loss too high"} <= set(texts(front_precisions(precisions(run), run.ranked)))
    harmless = precisions(run).assign(lossy=False)
    assert "loss too high" not in texts(front_precisions(harmless, run.ranked))


def test_what_was_found_is_drawn_beside_its_probability() -> None:
    figure = area_maps(detections(), {"one": (backdrop(4), backdrop(1)), "two": (backdrop(4), backdrop(1))})
    assert {"hit (2)", "false alarm (1)", "missed (1)", "uncovered (1)", "one", "two"} <= set(texts(figure))


def test_precision_against_recall_has_intervals() -> None:
    (axes,) = map_scores(scores()).axes
    assert len(axes.containers) == 2
    low, high = axes.get_ylim()
    assert low <= 0 and high >= 100


def drift() -> pd.DataFrame:
    """Two areas; in the second, near infrared has moved."""
    values = {
        "windows": 200, "region": "west", "psi_limit": 0.25, "outside_pct": 1.0, "windows_outside_pct": 0.0,
        "contrast_ratio": 1.1,
    }  # fmt: skip
    ranges = [f"{where}_{end}" for where in ("found", "trained") for end in ("low", "median", "high")]
    rows = [
        {"area": area, "band": band, "psi": psi} | values | dict(zip(ranges, [10, 50, 90, 12, 50, 88], strict=True))
        for area, band, psi in (("one", "dem", 0.1), ("one", "nir", 0.2), ("two", "dem", 0.1), ("two", "nir", 0.9))
    ]
    DRIFT.check(pd.DataFrame(rows), Path("drift"))
    return pd.DataFrame(rows)


def test_ranges_of_scenes_are_drawn_beside_those_of_training() -> None:
    figure = map_drift(drift())
    assert {"dem", "nir", "scenes, moved"} <= set(texts(figure))
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["one", "two"]
    assert png(map_drift(drift().iloc[:0]), 50), "a map without data"


def with_field_sections(config: Config) -> Config:
    """The configuration of a run with scenes, precisions and a map."""
    clip = ClipConfig.model_construct(landscape=None)
    more = {"precisions": PrecisionsConfig(), "map": MapConfig.model_construct(areas={})}
    return config.model_copy(update=more | {"data": config.data.model_copy(update={"clip": clip})})


def test_the_report_says_it_all(run: Run) -> None:
    tables = {"samples": samples(), "precisions": precisions(run), "map_scores": scores(), "drift": drift()}
    page = render(content_of(run, config=with_field_sections(run.config), **tables))
    for fragment in (
        'href="#map"', 'href="#precisions"', "on nodata of &lt;b&gt;DEM&lt;/b&gt;", "3.50 ± 0.25 (too high)",
        "1 point has no chip", "50.0 (9.5 to 90.5)",
        "differently than in all training regions for nir in two.",
    ):  # fmt: skip
        assert fragment in page, fragment
    plain = render(content_of(run))
    assert 'href="#map"' not in plain and 'href="#precisions"' not in plain


def test_nothing_found_is_a_report_too(run: Run) -> None:
    nothing = score_map(pd.DataFrame({"probability": [np.nan], "outcome": ["missed"]}), 0.5).assign(area="one")
    config = run.config.model_copy(update={"map": MapConfig.model_construct(areas={})})
    page = render(content_of(run, config=config, map_scores=nothing, drift=drift().iloc[:0]))
    assert "0.0 (0.0 to 79.3)" in page
    assert map_scores(nothing).axes
    assert png(sample_map(samples().iloc[:1], {"west": backdrop(3)}), 50)
