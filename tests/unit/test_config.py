"""The configuration: what it refuses, what it says then, and what it works out."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from examples import AERIAL, BASELINE, GENERATED, SMALL, config, config_values
from pydantic import ValidationError

import workflow_lib
from workflow_lib.config import parse_config
from workflow_lib.core.errors import ConfigError

SCENARIOS = sorted((Path(workflow_lib.__file__).parents[1] / "config" / "scenarios").glob("*.yaml"))


def refusal(changes: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        config(changes)
    return str(caught.value)


def generated(**values: Any) -> dict[str, Any]:
    """Changes that make the example's chips generated ones."""
    regions = {name: [{"folder": name, "bands": ["dem", *AERIAL]}] for name in GENERATED}
    counts = {name: {"F": 4, "T": 4} for name in GENERATED}
    return {"data.regions": regions, "data.generate": {"counts": counts} | values}


def test_the_example_is_valid_so_that_each_refusal_has_one_cause() -> None:
    assert config().run == "test"
    assert config(generated()).data.generate is not None


ALL_BANDS = [{"bands": ["dem", *AERIAL], "scenes": ["a.tif"]}]
TERRAIN = dict.fromkeys(GENERATED, "Illinois")


def clipped(folders: dict[str, list[str]], **clip: object) -> dict[str, Any]:
    """Regions whose chips are cut from scenes."""
    regions = {
        name: [{"folder": folder, "bands": ["dem"], "scenes": ["a.tif"]} for folder in parts]
        for name, parts in folders.items()
    }
    points = dict.fromkeys(folders, "p.csv")
    return {"data.generate": None, "data.regions": regions, "data.clip": {"points": points} | clip}


@pytest.mark.parametrize(
    ("changes", "fragment"),
    [
        (clipped({"a": ["DEM"], "b": ["DEM"]}), "each must be unique"),
        (clipped({"a": ["/tmp/DEM"]}), "each must be unique and relative"),
        (clipped({"a": ["x/../../DEM"]}), "without .."),
        (clipped({"a": ["DEM"]}, points={"b": "p.csv"}), "it must name every region"),
        (clipped({"a": ["DEM"]}, false_class="N"), "false_class is N"),
        (clipped({"a": ["DEM"]}, max_distance_m=50), "must be greater than min_distance_m"),
    ],
)
def test_chips_that_cannot_be_cut_so_are_refused(changes: dict[str, Any], fragment: str) -> None:
    channels = {"grid.channel_sets": {"1": ["dem"]}}
    with pytest.raises(ConfigError, match=re.escape(fragment)):
        config(changes | channels)
    good = clipped({"a": ["a/DEM"], "b": ["b/DEM"]}, false_class="F") | channels
    assert config(good).background == "F"


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: file.stem)
def test_every_scenario_is_valid(file: Path) -> None:
    assert parse_config(yaml.safe_load(file.read_text())).run


@pytest.mark.parametrize(
    "key",
    [
        "sead",
        "data.clases",
        "data.generate.count",
        "folds.cuont",
        "folds.holdout.region",
        "grid.batch_size",
        "grid.space.kernel",
        "training.epoch",
        "devices.cpu.knd",
        "front.objective",
        "report.titel",
    ],
)
def test_a_mistyped_key_is_named_in_one_line(key: str) -> None:
    changes = generated() if key.startswith("data.generate") else {}
    message = refusal(changes | {key: 3})
    assert message == f"config: {key}: unknown key; see config/README.md"


def test_a_mistyped_key_inside_a_list_is_named_with_its_place() -> None:
    objectives = [{"name": "accuracy_pct", "direction": "max"}, {"name": "memory_bytes", "direktion": "min"}]
    assert "config: front.objectives.1.direction: missing key (and 1 more problem)" in refusal(
        {"front.objectives": objectives}
    )


@pytest.mark.parametrize("key", ["run", "data", "grid", "data.regions", "data.classes", "grid.batch_sizes"])
def test_a_missing_key_is_named(key: str) -> None:
    values = config_values()
    *parents, last = key.split(".")
    section = values
    for parent in parents:
        section = section[parent]
    del section[last]
    with pytest.raises(ConfigError, match=f"^config: {key}: missing key"):
        parse_config(values)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"run": "my run"}, "config: run: 'my run' is not a valid name"),
        ({"run": "../up"}, "'../up' is not a valid name"),
        ({"run": ".hidden"}, "'.hidden' is not a valid name"),
        ({"run": "two\nlines"}, "is not a valid name"),
        ({"data.classes": ["F", "T/x"]}, "config: data.classes.1: 'T/x' is not a valid name"),
        ({"devices": {"a-b": {}}}, "'a-b' is not a valid name"),
        ({"grid.baselines": ["resnet18"]}, "config: grid.baselines.0: resnet18: not an architecture id"),
        (generated(counts={"Illinois": {"F": 1}}), "generate.counts.Illinois needs the classes F and T, but has ['F']"),
        (generated(counts={"East": {"F": 1, "T": 1}}), "generate.counts names East; known regions are"),
        (generated(counts={}), "generate needs either counts or full: true"),
        (generated(full=True), "generate needs either counts or full: true"),
        (
            generated(counts={"Illinois": {"F": 1, "T": 1}}),
            "generate makes ['Illinois'], but regions names ['Illinois', 'Nebraska']",
        ),
        ({"devices": {"phone": {}}}, "devices.phone: calibrated predictors exist only for"),
        (
            {"folds.holdout": {"method": "region", "regions": ["East", "West", "North"]}},
            "folds.holdout.regions names every region",
        ),
        ({"data.regions.East": []}, "config: data.regions.East: "),
        ({"data.classes": ["T"]}, "classes must have at least two names, all different"),
        ({"data.classes": ["T", "T"]}, "classes must have at least two names, all different"),
        ({"data.regions.East": [{"folder": "a", "bands": ["red", "red"]}]}, "region East names a band twice"),
        (
            {"data.regions.East": [{"folder": "a", "bands": ["red"]}, {"folder": "b", "bands": ["red"]}]},
            "region East names a band twice",
        ),
        (
            {"data.regions.East": [{"folder": "a", "bands": ["ndvi"]}]},
            "region East: ['ndvi', 'ndwi'] are computed and must not be among the bands",
        ),
        ({"grid.channel_sets.5": ["dem", "swir"]}, "grid.channel_sets.5 names ['swir']"),
        ({"grid.channel_sets.5": ["red", "dem", "red"]}, "grid.channel_sets.5 names a channel twice"),
        (
            {"front.objectives": [{"name": n, "direction": "min"} for n in ("accuracy_pct", "beauty")]},
            "front.objectives names beauty; known are",
        ),
        (
            {"front.objectives": [{"name": n, "direction": "min"} for n in ("accuracy_pct", "latency_phone_ms")]},
            "front.objectives names latency_phone_ms",
        ),
        (
            {"front.objectives": [{"name": "f1_pct", "direction": d} for d in ("min", "max")]},
            "an objective is named twice",
        ),
        (
            {"folds.holdout": {"method": "region", "regions": ["South"]}},
            "folds.holdout.regions names ['South'], which data.regions does not",
        ),
        ({"folds.holdout": {"method": "region"}}, "folds.holdout.regions and folds.holdout.method: region must be set"),
        ({"folds.holdout": {"method": "share", "regions": ["East"]}}, "must be set together"),
        ({"folds.buffer_m": 100}, "folds.buffer_m needs spatial folds"),
        ({"folds": {"method": "region", "count": 5}}, "folds.count is 5, but method region gives 3 folds"),
        (
            {"folds": {"method": "region", "count": 3, "holdout": {"method": "region", "regions": ["East"]}}},
            "folds.count is 3, but method region gives 2 folds",
        ),
        ({"search.strategy": "constrained"}, "search.strategy constrained needs the section cell_search"),
        (
            {"cell_search": {"budgets": {"parameters": [1e5]}}},
            "cell_search needs search.strategy constrained or surrogate",
        ),
        (
            {
                "search": {"strategy": "surrogate", "folds_at_a_time": 1},
                "cell_search": {"space": "darts", "budgets": {"parameters": [1e5]}},
            },
            "search.folds_at_a_time needs all candidates at once, but cell_search.space darts is too large",
        ),
        (
            {"search.strategy": "surrogate", "cell_search": {"budgets": {"parameters": [1]}, "random_networks": 2}},
            "cell_search.random_networks needs search.strategy constrained: set it to 0",
        ),
        (
            {
                "search": {"strategy": "surrogate", "budgets": {"parameters": [9]}},
                "cell_search": {"budgets": {"parameters": [1]}},
            },
            "search.limits and search.budgets are for grids: set cell_search.budgets",
        ),
        (
            {
                "search": {"strategy": "surrogate", "surrogate": {"shared_accuracy": True}},
                "grid.space": {"name": "compact"},
            },
            "search.surrogate.shared_accuracy needs grid.space cross, which is compact",
        ),
        (
            {
                "search": {"strategy": "surrogate", "surrogate": {"shared_accuracy": True}},
                "cell_search": {"budgets": {"parameters": [1e5]}},
            },
            "search.surrogate.shared_accuracy cannot be combined with cell_search: remove one of them",
        ),
        (
            {"search": {"strategy": "surrogate", "surrogate": {"shared_accuracy": True}}, "supernet.space": "darts"},
            "search.surrogate.shared_accuracy needs supernet.space cross, which is darts",
        ),
        (
            {
                "search": {"strategy": "surrogate", "candidates": 2, "surrogate": {"by_halving": True}},
                "training.epochs": 9,
            },
            "search.candidates is 2: by halving, only 1 would be trained to the end, but a model needs 2",
        ),
        (
            {"grid.trained_models": {"a": {"file": "missing.onnx", "channels": "6"}}},
            "grid.trained_models.a.file: no such file: missing.onnx",
        ),
        (
            {"grid.trained_models": {"a": {"file": __file__, "channels": "rgb"}}},
            "grid.trained_models.a.channels is rgb, but grid.channel_sets has no such channel set",
        ),
        (
            {
                "grid.trained_models": {"a": {"file": __file__, "channels": "6", "chips": "raw"}},
                "data.normalisation": "per_chip_band",
            },
            "grid.trained_models.a.chips is raw, but data.normalisation per_chip_band keeps only normalised chips",
        ),
        ({"grid.trained_models": {"a-b": {"file": __file__, "channels": "6"}}}, "'a-b' is not a valid name of a model"),
        ({"grid.baselines": ["model-a"]}, "grid.baselines names model-a: set grid.trained_models for trained models"),
        (
            {"search": {"strategy": "surrogate", "candidates": 1}},
            "search.candidates is 1: a model of the accuracy needs 2",
        ),
        (
            {"search.strategy": "halving", "training.epochs": 8},
            "training.epochs is 8, but the first rung of search.halving trains for 1/9 of the epochs",
        ),
        (
            {
                "search.strategy": "halving",
                "training.epochs": 9,
                "grid.recipes": {"long": {"epochs": 20}, "short": {"epochs": 4}},
            },
            "grid.recipes.short.epochs is 4, but the first rung",
        ),
        (
            {"search": {"strategy": "random", "folds_at_a_time": 1}},
            "search.folds_at_a_time needs search.strategy surrogate",
        ),
        (
            {"search": {"strategy": "surrogate", "folds_at_a_time": 1, "surrogate": {"min_gain_pct": 1}}},
            "search.folds_at_a_time cannot be combined with search.surrogate.min_gain_pct",
        ),
        (
            {
                "search.strategy": "surrogate",
                "cell_search": {"budgets": {"parameters": [1e7]}},
                "grid.baselines": ["cell-pool-pool.pool-pool.pool.pool-w8-n1-s2"],
            },
            "grid.baselines names cell-pool-pool.pool-pool.pool.pool-w8-n1-s2, which the search may choose",
        ),
        (
            {"search": {"strategy": "halving", "training_hours": 5}, "training.epochs": 9},
            "search.training_hours cannot be combined with successive halving: remove one of them",
        ),
        (
            {"search": {"strategy": "random", "training_hours": 5}},
            "search.training_hours needs search.strategy surrogate or",
        ),
        (
            {"search": {"strategy": "surrogate", "surrogate": {"by_halving": True}, "folds_at_a_time": 1}},
            "search.folds_at_a_time cannot be combined with successive halving: remove one of them",
        ),
        (
            {"search": {"strategy": "surrogate", "surrogate": {"by_halving": True, "min_gain_pct": 1}}},
            "search.surrogate.min_gain_pct cannot be combined with by_halving: set one of them",
        ),
        (
            {
                "search": {"strategy": "surrogate", "surrogate": {"by_halving": True}},
                "cell_search": {"space": "darts", "budgets": {"parameters": [1e5]}},
            },
            "search.surrogate.by_halving needs all candidates at once, but cell_search.space darts is too large",
        ),
        (
            {"search": {"strategy": "surrogate", "folds_at_a_time": 5}, "folds.count": 5},
            "search.folds_at_a_time is 5 and must be less than folds.count, which is 5",
        ),
        (
            {
                "search": {"strategy": "surrogate", "folds_at_a_time": 1},
                "execution.folds_together": "always",
            },
            "search.folds_at_a_time decides after some folds",
        ),
        ({"search": {"strategy": "random", "budgets": {"parameters": [9]}}}, "search.budgets needs search.strategy"),
        (
            {"search": {"strategy": "surrogate", "budgets": {"training_s": [9]}}},
            "search.budgets names training_s, which is not a cost known before training",
        ),
        (
            {"search.strategy": "constrained", "cell_search": {}},
            "cell_search.budgets is empty: set at least one maximum cost",
        ),
        (
            {"search.strategy": "constrained", "cell_search": {"budgets": {"flops": [1e5]}}},
            "cell_search.budgets.flops is unknown: choose one of parameters, multiply_adds, ",
        ),
        (
            {
                "search.strategy": "constrained",
                "cell_search": {"budgets": {"a": [1]}},
                "devices": {"a": {"kind": "built"}},
            },
            "cell_search.budgets.a needs a predictor for a that exists before the networks: use kind",
        ),
        (
            {"search.strategy": "constrained", "cell_search": {"budgets": {"parameters": [1]}, "regions": ["Here"]}},
            "cell_search.regions names ['Here'], but data.regions has only",
        ),
        ({"run": "again", "report.compared_runs": ["again"]}, "report.compared_runs names this run itself, again"),
        (
            {"search.strategy": "constrained", "cell_search": {"budgets": {"parameters": [1e5]}, "bottleneck": 3}},
            "bottleneck 3 times partial_channels 1 must divide width 8",
        ),
        (
            {
                "search.strategy": "constrained",
                "cell_search": {"budgets": {"parameters": [1e5]}, "sample_operations": True, "second_order": True},
            },
            "sample_operations cannot be combined with second_order or mix_first_cells_only",
        ),
        (
            {"search.strategy": "constrained", "cell_search": {"budgets": {"parameters": [1]}, "partial_channels": 16}},
            "bottleneck 1 times partial_channels 16 must divide width 8",
        ),
        (
            {"search.strategy": "constrained", "cell_search": {"budgets": {"parameters": [1]}, "partial_channels": 8}},
            "selects only one channel of width 8: at least two are needed",
        ),
        (
            {"search.strategy": "supernet", "supernet.space": "mobilenet", "training.drop_path": 0.2},
            "are for networks of cells, which this run has none of",
        ),
        (
            {"grid.extra_networks": ["compact-basic-w8-n3x1-k3s1-pool"], "utilization": {"fold": 4}},
            "utilization.fold is for networks of the CROSS space",
        ),
        (
            {"grid.baselines": ["compact-basic-w8-n3x1-k3s1-pool"], "utilization": {"fold": 4}},
            "utilization.fold is for networks of the CROSS space",
        ),
        (
            {"search.strategy": "supernet", "supernet.space": "darts", "utilization": {"fold": 4}},
            "utilization.fold is for networks of the CROSS space",
        ),
        ({"training.drop_path": 0.2}, "training.drop_path and training.auxiliary_weight are for networks of cells"),
        ({"training.auxiliary_weight": 0.4}, "are for networks of cells, which this run has none of"),
        ({"supernet.space": "darts"}, "supernet.space darts needs search.strategy supernet"),
        (
            {"search.strategy": "supernet", "supernet.space": "nasbench201", "devices": {"a": {"kind": "built"}}},
            "supernet.cost needs a predictor for a that exists before the networks: use kind",
        ),
        (
            generated() | {"data.clip": {"landscape": {"terrain": TERRAIN}}},
            "chips are either generated or cut from scenes",
        ),
        ({"data.clip": {"landscape": {"terrain": {"East": "Mars"}}}}, "terrain names ['Mars']; known regions are"),
        ({"data.clip": {"landscape": {"terrain": {"East": "Illinois"}}}}, "terrain lacks ['North', 'West']"),
        ({"data.clip": {}}, "`scenes` must be set if data.clip is used without a landscape, and only then"),
        ({"precisions": {}, "keep_weights": False}, "precisions needs the weights of all trainings"),
        ({"grid.precisions": ["int8"]}, "grid.precisions lacks fp32"),
        ({"grid.precisions": ["fp32", "int4"]}, "grid.precisions.1"),
        ({"grid.precisions": ["fp32", "int8"], "keep_weights": False}, "grid.precisions needs the weights of all"),
        ({"grid.precisions": ["fp32", "int8"], "keep_weights": True}, "predicts networks in fp32 only"),
        ({"grid.precisions": ["fp32", "int8"], "keep_weights": True, "precisions": {}}, "both convert the front's"),
        ({"map": {"areas": {"new": {"layers": ALL_BANDS}}}}, "map.background is None, but must be one of the classes"),
        ({"map": {"background": "F", "areas": {"new": {}}}}, "map.areas.new.layers must list scenes"),
        ({"map": {"background": "F", "areas": {"East": {"layers": ALL_BANDS}}}}, "a training region has the same name"),
        ({"map": {"background": "F", "precision": "int8", "areas": {"a": {}}}}, "the bundle has fp32: add it"),
        (
            {"map": {"background": "F", "areas": {"a": {"layers": [{"bands": ["dem"], "scenes": ["a.tif"]}]}}}},
            "map.areas.a: grid.channel_sets needs",
        ),
        ({"battery": {"capacity_mwh": 1, "interval_s": 1}}, "battery needs the energy of an inference"),
        (
            {"supernet.cost": "energy_mean_mj"},
            "supernet.cost is energy_mean_mj, but no device predicts it: configure a device of unit mJ",
        ),
        (
            {"grid.extra_networks": [SMALL]},
            f"grid.extra_networks names ['{SMALL}'], which are candidates of grid.space",
        ),
        ({"grid.extra_networks": [BASELINE]}, f"grid.baselines names {BASELINE}, which is also a candidate"),
        ({"grid.extra_networks": ["compact-x"]}, "not the id of a compact network"),
        (
            {"grid.extra_networks": ["compact-basic-w8-n3x1-k3s1-pool"], "comparison": {}},
            "grid.extra_networks needs search.strategy grid",
        ),
        ({"grid.extra_networks": ["own-mine-width8"]}, "grid.extra_networks names ['own-mine-width8'], which need the"),
        ({"grid.baselines": ["own-mine-width8"]}, "grid.baselines names ['own-mine-width8'], which need the file"),
        ({"training.warmup_epochs": 5}, "training.warmup_epochs must be fewer than training.epochs, 5"),
        ({"data.units": {"elevation": "m"}}, "data.units names ['elevation']; the bands of data.regions are ['blue', "),
        ({"training.shift_px": 100}, "training.shift_px must be less than data.chip_size_px"),
        ({"grid.baselines": [SMALL]}, f"grid.baselines names {SMALL}, which is also a candidate"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any], expected: str) -> None:
    assert expected in refusal(changes)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", -1),
        ("data.chip_size_px", 39),
        ("data.normalisation", "minmax"),
        ("data.on_bad_chip", "skip"),
        ("data.max_nodata_pct", 100),
        ("folds.count", 1),
        ("folds.block_m", 0),
        ("folds.buffer_m", -1),
        ("folds.holdout.share", 0),
        ("folds.holdout.share", 1),
        ("grid.batch_sizes", [1]),
        ("grid.batch_sizes", []),
        ("grid.channel_sets", {}),
        ("grid.space.kernel_size", [7]),
        ("grid.space.stride", []),
        ("training.epochs", 0),
        ("training.learning_rate", 0),
        ("training.learning_rate", float("nan")),
        ("training.learning_rate", float("inf")),
        ("training.device", "tpu"),
        ("devices", {}),
        ("front.resamples", 0),
        ("report.dpi", 10),
    ],
)
def test_a_value_out_of_range_is_refused_under_its_key(key: str, value: object) -> None:
    assert refusal({key: value}).startswith(f"config: {key}")


@pytest.mark.parametrize(
    "changes",
    [
        {"run": "two\nlines", "seed": "x\ny", "data.root": 3},
        {"grid.baselines": ["k3\nw32"]},
        {"grid.channel_sets.5": ["two\nlines"]},
    ],
)
def test_a_refusal_is_one_line_whatever_the_values(changes: dict[str, Any]) -> None:
    assert "\n" not in refusal(changes)


def test_further_problems_are_counted() -> None:
    assert "(and 2 more problems)" in refusal({"seed": -1, "folds.count": 1, "training.epochs": 0})


def test_a_device_whose_column_is_taken_is_refused() -> None:
    """`latency_mean_ms` is the mean over devices, so a device named `mean` would vanish from the table."""
    for name in ("mean", "worst"):
        assert name in refusal({"devices": {name: {}, "phone": {}}})


def test_a_batch_size_given_twice_is_refused() -> None:
    """Its jobs would have the same outputs."""
    assert "batch_sizes" in refusal({"grid.batch_sizes": [16, 16]})


def test_sections_cannot_be_changed() -> None:
    checked = config()
    with pytest.raises(ValidationError, match="frozen"):
        checked.seed = 1  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        checked.training.epochs = 1  # type: ignore[misc]


def test_a_configuration_reads_back_from_its_own_dump() -> None:
    checked = config({"folds.method": "spatial_block", "folds.buffer_m": 50.5, "grid.space.stride": [2]})
    assert parse_config(checked.model_dump(mode="json")) == checked


def test_bands_are_those_of_all_regions_with_the_indices_last() -> None:
    assert config().data.bands == ["dem", *AERIAL, "ndwi", "ndvi"]


def test_a_band_that_one_region_lacks_is_no_channel() -> None:
    poor = {"data.regions.West": [{"folder": "West/Aer", "bands": ["nir", "red", "green"]}]}
    sets = {"grid.channel_sets": {"3": ["red", "green", "nir"]}}
    assert config(poor | sets).data.bands == ["red", "green", "nir", "ndwi", "ndvi"]
    assert "names ['dem', 'blue']" in refusal(poor)


def test_an_index_needs_both_its_bands() -> None:
    regions = {"A": [{"folder": "A", "bands": ["red", "nir"]}]}
    checked = config({"data.regions": regions, "grid.channel_sets": {"2": ["red", "ndvi"]}})
    assert checked.data.bands == ["red", "nir", "ndvi"]


def test_architectures_are_distinct_and_without_the_baseline() -> None:
    architectures = config().architectures
    assert len(architectures) == len(set(architectures)) == 180
    assert BASELINE not in architectures


def test_every_device_can_be_an_objective() -> None:
    device = "cortexA76cpu_tflite21"
    names = ["accuracy_pct", f"latency_{device}_ms"]
    objectives = [{"name": name, "direction": "min"} for name in names]
    checked = config({"devices": {device: {}}, "front.objectives": objectives})
    assert [objective.name for objective in checked.front.objectives] == names


@pytest.mark.parametrize("name", ["mean", "worst", "device_std", "plain"])
def test_a_device_is_not_called_like_a_column_or_a_set_of_rules(name: str) -> None:
    package = {"kind": "package", "package": "folder"}
    assert f"devices.{name}: this name is reserved" in refusal({"devices": {name: package}})


def test_a_cell_search_may_limit_an_energy() -> None:
    board = {"kind": "package", "package": "folder"}
    cells = {"budgets": {"meter": [5], "parameters": [9000], "board": [2]}}
    devices = {"board": board, "meter": board | {"unit": "mJ"}}
    run = config({"devices": devices, "search.strategy": "constrained", "cell_search": cells})
    assert run.budget_columns == {
        "meter": "energy_meter_mj",
        "parameters": "parameters",
        "board": "latency_board_ms",
    }
    assert set(run.searched_costs) <= set(run.objective_names)


@pytest.mark.parametrize("key", [{"package": "folder"}, {"unit": "us"}, {"uncovered": "report"}])
def test_keys_of_packages_are_refused_for_calibrated_devices(key: dict[str, str]) -> None:
    assert f"kind calibrated has no {next(iter(key))}" in refusal({"devices": {"cortexA76cpu_tflite21": key}})


def test_a_package_of_energy_gives_an_objective_and_no_latency() -> None:
    board = {"kind": "package", "package": "folder"}
    names = config({"devices": {"board": board, "meter": board | {"unit": "mJ"}}}).objective_names
    assert {"energy_meter_mj", "energy_mean_mj", "latency_board_ms"} <= set(names)
    assert "latency_meter_ms" not in names
    assert "at least one must have a latency" in refusal({"devices": {"meter": board | {"unit": "mJ"}}})
    priced = board | {"unit": "mJ", "uncovered": "calibrated"}
    assert "but unit mJ means energy" in refusal({"devices": {"cortexA76cpu_tflite21": priced}})


@pytest.mark.parametrize("kind", ["built", "measured"])
def test_measuring_needs_no_published_device(kind: str) -> None:
    assert config({"devices": {"here": {"kind": kind, "threads": 2}}}).devices["here"].threads == 2
    assert f"kind {kind} has no unit" in refusal({"devices": {"here": {"kind": kind, "unit": "ms"}}})


def test_a_device_without_a_published_package_needs_one_of_its_own() -> None:
    assert "have published packages" in refusal({"devices": {"board": {"kind": "package"}}})


def test_deviations_of_training_costs_are_refused() -> None:
    values = config_values() | {"efficiency": {"deviations": {"training_s": "anything"}}}
    with pytest.raises(ConfigError, match="training costs are treated as exact"):
        parse_config(values)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("seed", True, "true is not a number"),
        ("seed", "1_0", "without underscores"),
        ("seed", "1:00", "valid integer"),
        ("grid.batch_sizes", [8, False], "false is not a number"),
        ("folds.count", True, "true is not a number"),
    ],
)
def test_what_is_no_number_is_refused(key: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_config(config_values({key: value}))


def test_numbers_are_text_where_text_is_wanted() -> None:
    assert parse_config(config_values() | {"run": 10}).run == "10"
    assert parse_config(config_values() | {"seed": "050"}).seed == 50
