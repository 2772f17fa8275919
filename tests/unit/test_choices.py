"""What the front needs of the search space, on candidates whose front is seen at a glance."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from workflow_lib.analysis.choice_tables import CHOICES
from workflow_lib.analysis.choices import assess_choices, chosen_values, describe_choices, suggest_grid, suggestion_text
from workflow_lib.core.candidate import Candidate
from workflow_lib.pareto.front_config import FrontConfig, Objective
from workflow_lib.spaces.compact import CompactConfig
from workflow_lib.spaces.cross import CrossConfig
from workflow_lib.spaces.cross.cross_architecture import CHOICES as CHOICES_OF_CROSS
from workflow_lib.spaces.cross.cross_architecture import Architecture
from workflow_lib.spaces.grid_config import networks_of
from workflow_lib.spaces.user_file import UserFileConfig

SPACE = CrossConfig(stride=[2], initial_output_feature=[32, 64])
FRONT = FrontConfig(
    objectives=[Objective(name="accuracy_pct", direction="max"), Objective(name="latency_mean_ms", direction="min")],
    resamples=50,
)
# network, accuracy of each fold, latency: two are on the front, and the third in each resample that draws fold 2 twice.
NETWORKS = [
    ("k3-s2-p1-nopool-w32", [90.0, 90.0], 2.0),
    ("k3-s2-p1-pool2s2-w32", [80.0, 80.0], 1.0),
    ("k3-s2-p2-nopool-w32", [50.0, 92.0], 3.0),
    ("k5-s2-p1-nopool-w32", [70.0, 70.0], 4.0),
    ("k3-s2-p1-pool3s2-w64", [60.0, 60.0], 5.0),
    ("k3-s2-p1-pool2s1-w64", [60.0, 60.0], 5.0),
]


def ranked(networks: list[tuple[str, list[float], float]] = NETWORKS, **more: Any) -> pd.DataFrame:
    rows = [
        {
            "candidate": f"rgb_b8_{network}", "channels": "rgb", "batch": 8, "architecture": network, "recipe": "",
            "precision": "fp32", "baseline": False, "accuracy_pct": sum(folds) / len(folds), "fold_accuracy_pct": folds,
            "latency_mean_ms": latency, "on_front": network in ("k3-s2-p1-nopool-w32", "k3-s2-p1-pool2s2-w32"),
        }
        for network, folds, latency in networks
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(**more)


def rows_of(table: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["dimension"], row["value"]): row for row in table.to_dict("records")}


def test_values_are_counted_with_an_interval_and_what_they_add(tmp_path: Any) -> None:
    table = assess_choices(ranked(), SPACE, FRONT, seed=0)
    CHOICES.write(table, tmp_path / "choices.parquet")
    CHOICES.write(table, tmp_path / "choices.csv")
    rows = rows_of(table)
    assert ("grid.space.stride", "2") not in rows, "only one value was tried"
    first = rows["grid.space.padding", "1"]
    assert (first["candidates"], first["on_front"], first["front_pct"]) == (5, 2, 40)
    # Wilson 1927 for 2 of 5, by hand: (2 + 1.92) / (5 + 3.84) +- 1.96 / 8.84 * sqrt(2 * 3 / 5 + 0.96)
    assert first["front_low_pct"] == pytest.approx(11.76, abs=0.01)
    assert first["front_high_pct"] == pytest.approx(76.93, abs=0.01)
    assert rows["grid.space.kernel_size", "5"]["hypervolume_lost_pct"] == 0
    # Scaled (90 to 60 %, 1 to 5 ms), reference 1.1: points (0, 1/4) and (1/3, 0); without pooling, (0, 1/4) stays.
    both = 1.1 * (1.1 - 0.25) + (1.1 - 1 / 3) * 0.25
    assert rows["grid.space.pool_choice", "0"]["hypervolume_lost_pct"] == pytest.approx(
        100 * (1 - 1.1 * (1.1 - 0.25) / both), abs=1e-9
    )


def test_a_value_that_is_sometimes_on_the_front_is_needed() -> None:
    rows = rows_of(assess_choices(ranked(), SPACE, FRONT, seed=0))
    sometimes, never = rows["grid.space.padding", "2"], rows["grid.space.kernel_size", "5"]
    assert sometimes["on_front"] == 0 and 10 < sometimes["resamples_pct"] < 45 and sometimes["needed"]
    assert never["resamples_pct"] == 0 and not never["needed"]


def test_a_choice_counts_only_where_it_changes_the_network() -> None:
    values = chosen_values(ranked(), SPACE)
    assert values["grid.space.kernel_size_pool"].notna().tolist() == [False, True, False, False, True, True]
    rows = rows_of(assess_choices(ranked(), SPACE, FRONT, seed=0))
    assert rows["grid.space.kernel_size_pool", "2"]["candidates"] == 2
    assert rows["grid.space.kernel_size_pool", "3"]["candidates"] == 1


def test_the_suggestion_is_a_grid_without_what_can_be_dropped() -> None:
    table = assess_choices(ranked(), SPACE, FRONT, seed=0)
    grid = suggest_grid(table, SPACE, {"rgb": ["red"]})
    assert CrossConfig.model_validate(grid["space"]) == CrossConfig(
        kernel_size=[3], stride=[2], padding=[1, 2], pool_choice=[0, 1], kernel_size_pool=[2], stride_pool=[2],
        initial_output_feature=[32],
    )  # fmt: skip
    assert list(grid) == ["space"]
    text = " ".join(describe_choices(table))
    assert "have kernel size 3, padding 1," in text and "initial output feature 32" in text
    assert "can be dropped: kernel size 5; kernel size pool 3; stride pool 1; initial output feature 64." in text


def test_trainings_are_saved_once_for_all_precisions_and_only_where_no_other_value_needs_them() -> None:
    both = pd.concat([ranked(), ranked().assign(
        precision="int8", candidate=lambda table: table["candidate"] + "_int8", on_front=False, latency_mean_ms=9.0,
    )])  # fmt: skip
    rows = rows_of(assess_choices(both, SPACE, FRONT, seed=0))
    assert rows["grid.precisions", "int8"]["trainings"] == 0
    assert rows["grid.space.kernel_size", "5"]["trainings"] == 2
    assert rows["grid.space.padding", "1"]["trainings"] == 10


def test_batches_and_channel_sets_are_choices_too_and_baselines_are_not() -> None:
    more = pd.concat([
        ranked(),
        ranked().assign(
            channels="all", candidate=lambda table: "all" + table["candidate"].str[3:], on_front=False,
            latency_mean_ms=9.0,
        ),
        ranked([("k7-s2-p3-pool3s2-w64", [99.0, 99.0], 0.1)], baseline=True),
    ])  # fmt: skip
    table = assess_choices(more, SPACE, FRONT, seed=0)
    assert "grid.batch_sizes" not in set(table["dimension"])
    assert not rows_of(table)["grid.channel_sets", "all"]["needed"]
    assert suggest_grid(table, SPACE, {"all": ["dem", "red"], "rgb": ["red"]})["channel_sets"] == {"rgb": ["red"]}
    assert "channel set all" in describe_choices(table)[-1]


def test_recipes_and_precisions_are_reduced_and_a_choice_without_effect_keeps_a_value() -> None:
    plain = ranked(NETWORKS[:1]).assign(on_front=True)
    more = pd.concat([
        plain,
        plain.assign(recipe="long", candidate=lambda table: table["candidate"].str.replace("b8", "b8-long"),
                     on_front=False, latency_mean_ms=9.0),
        plain.assign(precision="int8", candidate=lambda table: table["candidate"] + "_int8", latency_mean_ms=0.5),
        ranked([NETWORKS[1], NETWORKS[4]]).assign(on_front=False, latency_mean_ms=9.0),
    ])  # fmt: skip
    table = assess_choices(more, SPACE, FRONT, seed=0)
    grid = suggest_grid(table, SPACE, {"rgb": ["red"]}, {"": {}, "long": {"epochs": 9}})
    assert grid["recipes"] == {"": {}} and grid["precisions"] == ["fp32", "int8"]
    assert grid["space"]["kernel_size_pool"] == [2] and grid["space"]["pool_choice"] == [1]
    text = describe_choices(table)[-1]
    assert "recipes long" in text and "kernel size pool" not in text and "fp32" not in text


def test_networks_of_another_space_have_no_choices_of_this_one() -> None:
    table = ranked([*NETWORKS, ("compact-basic-w8-n1x1-k3s2-pool", [95.0, 95.0], 0.5)])
    assert chosen_values(table, SPACE)["grid.space.kernel_size"].isna().tolist() == [False] * 6 + [True]


def test_a_run_in_which_no_choice_has_two_values_says_so(tmp_path: Any) -> None:
    table = assess_choices(ranked(NETWORKS[:1]), CompactConfig(), FRONT, seed=0)
    CHOICES.write(table, tmp_path / "choices.parquet")
    CHOICES.write(table, tmp_path / "choices.csv")
    assert CHOICES.read(tmp_path / "choices.parquet").empty
    assert describe_choices(table) == ["Each choice has a single value in this run."]
    assert list(suggest_grid(table, SPACE, {"rgb": ["red"]})) == ["space"]
    assert yaml.safe_load(suggestion_text(table, SPACE, {"rgb": ["red"]}))["grid"]["space"]["name"] == "cross"


def test_a_family_of_the_user_s_own_is_described_but_its_file_is_not_rewritten(tmp_path: Any) -> None:
    (tmp_path / "nets.py").write_text("CHOICES = {'depth': [1, 2]}\ndef build(channels, classes, depth): ...\n")
    space = UserFileConfig(file=str(tmp_path / "nets.py"))
    table = ranked([("own-nets-depth1", [90.0, 90.0], 1.0), ("own-nets-depth2", [80.0, 80.0], 2.0)])
    table["on_front"] = [True, False]
    choices = assess_choices(table, space, FRONT, seed=0)
    assert describe_choices(choices)[-1].startswith("These values can be dropped: depth 2.")
    assert suggest_grid(choices, space, {"rgb": ["red"]}) == {}
    text = suggestion_text(choices, space, {"rgb": ["red"]})
    assert text.startswith("# The values of grid.space stand in a file of your own") and yaml.safe_load(text)


def test_if_everything_is_needed_it_is_said() -> None:
    table = assess_choices(ranked(NETWORKS[:2]), SPACE, FRONT, seed=0)
    assert describe_choices(table)[-1] == "Each value of each choice is needed by the front."
    assert yaml.safe_load(yaml.safe_dump(suggest_grid(table, SPACE, {})))["space"]["pool_choice"] == [0, 1]


def test_the_published_front_needs_one_kernel_stride_padding_and_width(shared: Path) -> None:
    """CROSS table 4: padding 1, kernel 3, stride 2 and 32 channels in all five rows, with and without pooling."""
    published = pd.read_csv(shared / "data" / "paper" / "table4_front.csv", dtype={"channels": str})
    front = [
        {
            "channels": row["channels"], "batch": row["batch"], "accuracy_pct": row["accuracy_pct"],
            "architecture": str(Architecture.from_configuration({name: row[name] for name in CHOICES_OF_CROSS})),
            "latency_mean_ms": row["latency_ms"], "on_front": True,
        }
        for row in published.to_dict("records")
    ]  # fmt: skip
    names = {(row["channels"], row["batch"], row["architecture"]) for row in front}
    others = [
        {
            "channels": channels, "batch": batch, "architecture": network, "accuracy_pct": 80.0,
            "latency_mean_ms": 50.0, "on_front": False,
        }
        for channels in ("5", "7")
        for batch in (8, 16, 32)
        for network in networks_of(CrossConfig()).networks()
        if (channels, batch, network) not in names
    ]  # fmt: skip
    table = pd.DataFrame([*front, *others]).assign(recipe="", precision="fp32", baseline=False)
    table["candidate"] = [
        str(Candidate(channels, batch, network))
        for channels, batch, network in zip(table["channels"], table["batch"], table["architecture"], strict=True)
    ]
    table["fold_accuracy_pct"] = [[accuracy] * 5 for accuracy in table["accuracy_pct"]]
    choices = assess_choices(table, CrossConfig(), FRONT, seed=0)
    text = describe_choices(choices)
    assert text[0] == (
        "All members of the front, as far as a choice applies to them, have kernel size 3, stride 2, padding 1, "
        "stride pool 2 and initial output feature 32."
    )
    assert "padding 2 and 3;" in text[1] and "batch size 32" in text[1]
    padding = rows_of(choices)["grid.space.padding", "2"]
    assert padding["trainings"] == 5 * padding["candidates"] == 5 * 6 * 60
