"""Figures show what the tables hold."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from synthetic_run import (
    CHANNEL_SETS,
    DEVICES,
    Run,
    chip_array,
    efficiency_of,
    figure_of,
    make_run,
    png,
    supernets_of,
    tables_of,
    utilization_of,
)

from workflow_lib.analysis.utilization_pairs import on_all_fronts, with_utilization
from workflow_lib.core.sealed import save_array
from workflow_lib.pareto.front_config import Objective
from workflow_lib.report.declaration import FigureInput, all_figures, all_sections
from workflow_lib.report.names import axis_name, column_format
from workflow_lib.report.plots.cell_plots import cells_alpha
from workflow_lib.report.plots.channel_plots import input_channels
from workflow_lib.report.plots.chip_maps import chip_map
from workflow_lib.report.plots.device_plots import latency_devices
from workflow_lib.report.plots.dimension_plots import dimension_effects, searched_dimensions
from workflow_lib.report.plots.efficiency_plots import variable_front
from workflow_lib.report.plots.front_3d_plots import front_3d, front_3d_interactive
from workflow_lib.report.plots.front_pair_plots import front_pairs, pair_front
from workflow_lib.report.plots.radar_plots import front_radar
from workflow_lib.report.plots.style import save_figure
from workflow_lib.report.tables import candidates_only, front_members
from workflow_lib.search.derivation import alpha_rows
from workflow_lib.spaces.cell_spaces import CELL_SPACES

CASES = {
    "usual": {},
    "one member": {"front": 1},
    "thirty members": {"front": 30},
    "all of CROSS": {"candidates": 1086},
    "two objectives": {"objectives": 2},
    "five objectives": {"objectives": 5},
    "no AUC": {"objectives": 5, "auc": False},
}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def run(request: pytest.FixtureRequest) -> Run:
    return make_run(**request.param)


@pytest.fixture(scope="module")
def tables(run: Run) -> dict[str, pd.DataFrame]:
    return tables_of(run)


@pytest.fixture(scope="module")
def usual() -> Run:
    return make_run()


DRAWN_FROM_RANKED = {
    "front_3d": front_3d, "front_pairs": front_pairs, "front_radar": front_radar, "dimension_effects": dimension_effects
}  # fmt: skip


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(match=Text)]


def colliding_labels(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of visible texts of different axes or ticks whose boxes overlap on the page."""
    figure.draw_without_rendering()
    shown = []
    for axes in figure.axes:
        labels = [axes.xaxis.label, axes.yaxis.label, axes.title]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            labels += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        boxes = [(text.get_text(), text.get_window_extent()) for text in labels if text.get_visible()]
        shown += [(text, box.padded(-1)) for text, box in boxes if text]
    pairs = ((one, other) for position, one in enumerate(shown) for other in shown[:position])
    return [(one[0], other[0]) for one, other in pairs if one[1].overlaps(other[1])]


@pytest.mark.parametrize("name", ["front_3d", "front_pairs", "front_radar", "dimension_effects"])
def test_every_figure_draws_every_run_without_warning(run: Run, name: str, recwarn: pytest.WarningsRecorder) -> None:
    before = run.ranked.copy(deep=True)
    figure = DRAWN_FROM_RANKED[name](run.ranked, run.objectives)
    rendered = png(figure, 60)
    assert rendered.startswith(b"\x89PNG")
    assert not [str(warning.message) for warning in recwarn]
    pd.testing.assert_frame_equal(run.ranked, before)


@pytest.mark.parametrize("name", ["front_pairs", "dimension_effects"])
def test_labels_do_not_collide(run: Run, name: str) -> None:
    assert colliding_labels(DRAWN_FROM_RANKED[name](run.ranked, run.objectives)) == []


def test_the_same_run_gives_the_same_bytes(usual: Run) -> None:
    for draw in (front_pairs, dimension_effects):
        first, second = (png(draw(usual.ranked, usual.objectives), 50) for _ in range(2))
        assert first == second
    pages = {front_3d_interactive(usual.ranked, usual.objectives) for _ in range(2)}
    assert len(pages) == 1


def test_a_pdf_is_written_the_same_twice(usual: Run, tmp_path: Path) -> None:
    for name in ("one.pdf", "two.pdf"):
        save_figure(front_3d(usual.ranked, usual.objectives), tmp_path / name, 100)
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


OTHERWISE = ["sample_map", "front_precisions", "area_maps", "map_scores", "map_drift", "runs_fronts", "input_channels"]
"""Figures that are drawn in test_field_figures, test_runs or below, because they need files."""


@pytest.mark.parametrize("name", [name for name in all_figures() if name not in OTHERWISE])
def test_every_declared_figure_draws_every_run_without_warning(
    run: Run, tables: dict[str, pd.DataFrame], name: str, recwarn: pytest.WarningsRecorder, tmp_path: Path
) -> None:
    if name == "cells_accuracy":
        network = tables["derived"]["architecture"].iloc[0]
        architectures = run.ranked["architecture"].where(run.ranked["baseline"], network)
        tables = tables | {"ranked": run.ranked.assign(channels="5", architecture=architectures)}
    files = {"array": [chip_array(run, tmp_path)]} if name == "suspect_pictures" else {}
    drawn = figure_of(name, tables, run.config, **files)
    assert len(drawn.axes) > 0
    assert png(drawn, 60).startswith(b"\x89PNG")
    assert not [str(warning.message) for warning in recwarn]


def test_declarations_name_sections_that_exist_and_read_what_they_draw() -> None:
    for name, figure in all_figures().items():
        assert figure.section in all_sections(), name
        assert figure.title
        assert figure.caption.endswith(".")


def test_the_figure_of_alpha_has_a_panel_for_each_edge_of_darts_cells() -> None:
    space = CELL_SPACES["darts"]
    even = np.full((len(space.edges), len(space.operations)), 1 / len(space.operations))
    ids = {"channels": "5", "quantity": "parameters", "target": "budget", "number": 0, "repeat": 0, "epoch": 1}
    figure = cells_alpha(alpha_rows(space, even).assign(**ids))
    assert len([axes for axes in figure.axes if axes.get_title()]) == len(space.edges)


def test_alphas_of_choices_without_a_choice_are_not_drawn() -> None:
    titles = [axes.get_title() for axes in figure_of("supernet_alpha", {"alpha": supernets_of()["alpha"]}).axes]
    assert titles == ["kernel size", "padding"]


def test_who_is_on_all_fronts_is_on_each_and_somebody_is_on_each(usual: Run) -> None:
    table = with_utilization(usual.ranked, utilization_of(usual)[0])
    pairs = [column for column in table if str(column).startswith("on_") and column.endswith("_pct")]
    pairs += ["on_accuracy_pct_images_per_s"]
    assert len(pairs) == 3
    assert (table[pairs].sum() > 0).all()
    assert (on_all_fronts(table) == table[pairs].all(axis=1)).all()


def test_the_dominance_diagram_numbers_each_model_once_and_names_it(usual: Run) -> None:
    shown = texts(figure_of("efficiency_dominance", tables_of(usual), usual.config))
    models = set(efficiency_of(usual).samples["model"])
    numbers = {n: model for n, model in enumerate(efficiency_of(usual).scores["model"], start=1) if model in models}
    assert sorted(text for text in shown if text.isdigit()) == sorted(map(str, numbers))
    boxes = texts(figure_of("efficiency_boxes", tables_of(usual), usual.config))
    for figure in (shown, boxes):
        assert all(f"{number}  {model}" in "\n".join(figure) for number, model in numbers.items())


def test_the_front_of_averages_is_concave_and_touches_the_best() -> None:
    random = np.random.default_rng(0)
    costs, gains = random.uniform(1, 9, 60), random.uniform(50, 90, 60)
    corners = variable_front(costs, gains)
    heights = np.interp(costs, corners[1:, 0], corners[1:, 1])
    assert (gains <= heights + 1e-9).all()
    slopes = np.diff(corners[1:, 1]) / np.diff(corners[1:, 0])
    assert (np.diff(slopes) <= 1e-9).all()
    assert corners[1, 0] == costs.min()
    assert corners[-1].tolist() == [costs.max(), gains.max()]


def test_sample_chips_show_the_channels_that_some_network_sees(usual: Run, tmp_path: Path) -> None:
    bands = CHANNEL_SETS["all7"]
    pixels = np.random.default_rng(0).random((len(usual.chips), 16, 16, len(bands)), dtype=np.float32)
    save_array(tmp_path / "chips.npy", pixels)
    settings = {"data.bands": bands, "data.classes": ["F", "T"], "grid.channel_sets": {"five": CHANNEL_SETS["five"]}}
    given = FigureInput({"chips": usual.chips}, settings, {"array": [tmp_path / "chips.npy"]})
    drawn = all_figures()["input_channels"].draw(given)
    assert len(drawn.axes) == 2 * 5 + 1
    assert drawn.axes[0].images[0].get_array().shape == (16, 16)


def test_pairs_has_a_panel_per_pair_and_all_points(usual: Run) -> None:
    figure = front_pairs(usual.ranked, usual.objectives)
    assert len(figure.axes) == 3
    drawn = {points.get_label(): len(points.get_offsets()) for points in figure.axes[0].collections}
    front = int(usual.ranked["on_front"].sum())
    assert (drawn["front"], drawn["recommended"], drawn["baselines"]) == (front - 1, 1, 2)
    assert drawn["candidates"] == 60 - front


def test_numbers_on_the_pairs_do_not_overlap() -> None:
    run = make_run(objectives=2, front=30)
    figure = front_pairs(run.ranked, run.objectives)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) >= 15
    assert not any(one.padded(-1.5).overlaps(other.padded(-1.5)) for i, one in enumerate(boxes) for other in boxes[:i])


def test_the_pair_front_is_the_staircase_of_the_undominated() -> None:
    x, y = Objective(name="latency_mean_ms", direction="min"), Objective(name="accuracy_pct", direction="max")
    points = pd.DataFrame({x.name: [1.0, 2.0, 3.0, 2.5, np.nan], y.name: [80.0, 90.0, 95.0, 85.0, 99.0]})
    steps = pair_front(points, x, y)
    assert steps.tolist() == [[1, 80], [2, 80], [2, 90], [3, 90], [3, 95]]


def test_radar_has_a_panel_per_member_and_states_its_scale(run: Run) -> None:
    figure = front_radar(run.ranked, run.objectives)
    members = len(front_members(run.ranked, run.objectives))
    assert len(figure.axes) == min(members, 24)
    scale = " ".join(texts(figure))
    assert "the worst of all candidates" in scale
    assert (f"{members - 24} of {members} front members are not drawn" in scale) == (members > 24)


def test_radar_rim_is_the_best_candidate(usual: Run) -> None:
    figure = front_radar(usual.ranked, usual.objectives)
    members = front_members(usual.ranked, usual.objectives)
    candidates = candidates_only(usual.ranked)
    for axes, (_, member) in zip(figure.axes, members.iterrows(), strict=True):
        radius = axes.lines[0].get_ydata()
        accuracy = candidates["accuracy_pct"]
        expected = (member["accuracy_pct"] - accuracy.min()) / (accuracy.max() - accuracy.min())
        assert radius[0] == pytest.approx(expected)
        latency = candidates["latency_mean_ms"]
        expected = (latency.max() - member["latency_mean_ms"]) / (latency.max() - latency.min())
        assert radius[1] == pytest.approx(expected)


def test_latency_devices_shows_each_device(run: Run) -> None:
    figure = latency_devices(run.ranked, run.objectives, DEVICES)
    assert set(DEVICES) < set(texts(figure))
    first = front_members(run.ranked, run.objectives).iloc[0]
    points = figure.axes[0].collections[1].get_offsets()
    assert points[0][0] == pytest.approx(first[f"latency_{DEVICES[0]}_ms"])


def test_dimensions_with_one_value_are_left_out(usual: Run) -> None:
    candidates = candidates_only(usual.ranked)
    assert "batch" not in searched_dimensions(candidates)
    figure = dimension_effects(usual.ranked, usual.objectives)
    assert {axes.get_xlabel() for axes in figure.axes} - {""} == set(searched_dimensions(candidates))
    single = usual.ranked[usual.ranked["on_front"] | usual.ranked["baseline"]].head(1)
    assert "Every dimension has a single value in this run." in texts(dimension_effects(single, usual.objectives))


def test_input_channels(usual: Run) -> None:
    chip = np.random.default_rng(0).random((20, 20, 7))
    figure = input_channels([("crossing", chip), ("none", chip)], CHANNEL_SETS["all7"])
    assert set(CHANNEL_SETS["all7"]) <= set(texts(figure))
    assert len(figure.axes) == 2 * 7 + 1
    with pytest.raises(ValueError, match="'crossing' has shape"):
        input_channels([("crossing", chip[..., :3])], CHANNEL_SETS["all7"])


@pytest.mark.parametrize("fold", [None, 2])
def test_chip_map_counts_every_chip(usual: Run, fold: int | None) -> None:
    figure = chip_map(usual.chips, usual.folds, fold)
    assert len(figure.axes) == usual.chips["region"].nunique()
    drawn = sum(len(patches.get_paths()) for axes in figure.axes for patches in axes.collections)
    assert drawn == len(usual.chips)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    counts = [int(re.sub(r".*\((\d+)\)", r"\1", label)) for label in labels]
    assert sum(counts) == len(usual.chips)


def test_interactive_front_names_every_candidate_and_loads_nothing(run: Run) -> None:
    page = front_3d_interactive(run.ranked, run.objectives)
    assert all(candidate in page for candidate in run.ranked["candidate"])
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=", page)
    assert page.count("<html") == 1


def test_interactive_front_escapes_names(usual: Run) -> None:
    hostile = "</script><script>alert(1)</script>"
    ranked = usual.ranked.assign(candidate=[f"{hostile}{row}" for row in range(len(usual.ranked))])
    assert hostile not in front_3d_interactive(ranked, usual.objectives)


def test_names_and_units() -> None:
    assert axis_name("latency_mean_ms") == "Latency, mean over devices (ms)"
    assert axis_name("memory_bytes") == "Memory, deployed ONNX file (MB)"
    assert axis_name("auc") == "AUC, mean over classes"
    assert axis_name("latency_adreno640gpu_tflite21_ms") == "Latency, adreno640gpu_tflite21 (ms)"
    assert axis_name("recall_T_pct") == "Recall of class T (%)"
    memory = column_format("memory_bytes")
    assert memory.text(11_175_404) == "11.18 MB"
    assert memory.distinguishing_digits([11_175_404, 11_175_204]) == 4
    assert column_format("auc").text(None) == "undefined"
    with pytest.raises(KeyError, match="declares no column nonsense"):
        axis_name("nonsense")


def test_cells_are_described_by_their_edges() -> None:
    cells = [
        f"cell-{cell}-w8-n1-s2" for cell in ("conv3-none.skip-conv1.conv3.pool", "conv3-skip.skip-conv1.conv3.pool")
    ]
    rows = pd.DataFrame({"architecture": cells, "channels": "5", "batch": 16, "recipe": "", "precision": "fp32"})
    found = searched_dimensions(rows)
    assert {title: values.tolist() for title, values in found.items()} == {
        "edges with none": [1, 0], "edges with skip": [1, 2],
    }  # fmt: skip
    mixed = rows.assign(architecture=[cells[0], "k3-s2-p1-pool3s2-w32"])
    assert searched_dimensions(mixed)["space"].tolist() == ["cells", "CROSS"]
