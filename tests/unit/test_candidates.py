"""The candidates: everything that is known of each, in one row."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from examples import BASELINE, SMALL, UNPOOLED, config, fold_scores, latency, network

from workflow_lib.analysis.candidate_rows import build_candidates, map_raw_configurations
from workflow_lib.analysis.candidate_tables import CANDIDATES, RAW_CONFIGURATIONS
from workflow_lib.core.errors import UserError
from workflow_lib.spaces.cross import cross_architecture as cross
from workflow_lib.spaces.space import Space

LATENCIES = {SMALL: {"cpu": 8.0, "gpu": 4.0, "vpu": 12.0}, UNPOOLED: {"cpu": 20.0, "gpu": 10.0, "vpu": 30.0}}


def parts() -> dict[str, Any]:
    scores = [fold_scores([90.0, 92.0], batch=batch, architecture=name) for name in LATENCIES for batch in (8, 16)]
    return {
        "scores": pd.concat(scores, ignore_index=True),
        "networks": pd.DataFrame([network(SMALL, memory_bytes=11_000_000), network(UNPOOLED, memory_bytes=12_000_000)]),
        "latencies": pd.DataFrame(
            [latency(device, value, name) for name, devices in LATENCIES.items() for device, value in devices.items()]
        ),
        "classes": ["F", "T"],
        "baselines": [BASELINE],
        "folds": 2,
    }


def test_each_candidate_has_its_own_accuracy_costs_and_latencies() -> None:
    table = build_candidates(**parts()).set_index("candidate")
    assert sorted(table.index) == sorted(f"5_b{batch}_{name}" for name in LATENCIES for batch in (8, 16))
    for name, memory in ((SMALL, 11_000_000), (UNPOOLED, 12_000_000)):
        for batch in (8, 16):
            row = table.loc[f"5_b{batch}_{name}"]
            assert row["memory_bytes"] == memory
            assert row["accuracy_pct"] == 91
            assert [row[f"latency_{device}_ms"] for device in LATENCIES[name]] == list(LATENCIES[name].values())


def test_a_candidate_that_lacks_a_fold_is_left_out() -> None:
    """Its mean would be over other chips than everybody else's."""
    table = parts()
    scores = table["scores"]
    lost = (scores["architecture"] == SMALL) & (scores["batch"] == 8) & (scores["fold"] == 1)
    table["scores"] = scores[~lost]
    assert sorted(build_candidates(**table)["candidate"]) == sorted(
        [f"5_b16_{SMALL}", f"5_b8_{UNPOOLED}", f"5_b16_{UNPOOLED}"]
    )


def test_no_candidate_with_all_its_folds_is_an_error() -> None:
    table = parts()
    table["scores"] = table["scores"].query("fold == 0")
    with pytest.raises(UserError, match="no candidate has all its folds"):
        build_candidates(**table)


def test_the_spread_over_devices_is_the_populations() -> None:
    row = build_candidates(**parts()).set_index("candidate").loc[f"5_b8_{SMALL}"]
    assert row["latency_mean_ms"] == 8
    assert row["latency_device_std_ms"] == pytest.approx((32 / 3) ** 0.5)
    assert row["latency_worst_ms"] == 12


def test_channel_sets_do_not_mix() -> None:
    both = parts()
    both["scores"] = pd.concat([both["scores"], fold_scores([50.0, 52.0], channels="7")], ignore_index=True)
    both["networks"] = pd.concat([both["networks"], pd.DataFrame([network(SMALL, "7", 13_000_000)])])
    more = pd.DataFrame([latency(device, 100.0, SMALL, "7") for device in ("cpu", "gpu", "vpu")])
    both["latencies"] = pd.concat([both["latencies"], more])
    table = build_candidates(**both).set_index("candidate")
    assert table.loc[f"7_b16_{SMALL}", "memory_bytes"] == 13_000_000
    assert table.loc[f"7_b16_{SMALL}", "latency_mean_ms"] == 100
    assert table.loc[f"5_b16_{SMALL}", "latency_mean_ms"] == 8


def test_the_order_of_the_parts_does_not_matter() -> None:
    mixed = {name: part.sample(frac=1, random_state=0) if isinstance(part, pd.DataFrame) else part
             for name, part in parts().items()}  # fmt: skip
    pd.testing.assert_frame_equal(build_candidates(**mixed), build_candidates(**parts()))


def test_only_the_baseline_is_marked() -> None:
    assert not build_candidates(**parts())["baseline"].any()
    marked = build_candidates(**(parts() | {"baselines": [SMALL]}))
    assert set(marked["architecture"][marked["baseline"]]) == {SMALL}


def test_the_table_fits_its_schema(tmp_path: Path) -> None:
    CANDIDATES.write(build_candidates(**parts()), tmp_path / "candidates.parquet")
    assert len(CANDIDATES.read(tmp_path / "candidates.parquet")) == 4


def without_one_device() -> dict[str, Any]:
    incomplete = parts()
    incomplete["latencies"] = incomplete["latencies"].query(f"not (architecture == '{UNPOOLED}' and device == 'vpu')")
    return incomplete


def test_a_network_without_a_device_is_refused() -> None:
    with pytest.raises(UserError, match="latenc"):
        build_candidates(**without_one_device())


def test_the_network_and_the_device_that_are_missing_are_named() -> None:
    with pytest.raises(UserError) as caught:
        build_candidates(**without_one_device())
    assert UNPOOLED in str(caught.value)
    assert "vpu" in str(caught.value)


@pytest.mark.parametrize("part", ["networks", "latencies"])
def test_a_trained_network_without_costs_or_latencies_is_refused_and_named(part: str) -> None:
    incomplete = parts()
    incomplete[part] = incomplete[part][incomplete[part]["architecture"] != UNPOOLED]
    with pytest.raises(UserError, match=UNPOOLED):
        build_candidates(**incomplete)


def test_288_raw_configurations_are_180_architectures(tmp_path: Path) -> None:
    table = map_raw_configurations(config().grid.networks)
    assert len(table) == 288
    assert table["architecture"].nunique() == 180
    assert set(table["architecture"]) == set(config().architectures)
    RAW_CONFIGURATIONS.write(table, tmp_path / "raw.parquet")


def test_a_raw_configuration_without_pooling_shares_its_architecture_with_three_others() -> None:
    table = map_raw_configurations(cross.space())
    uses = table.groupby(["pool_choice", "architecture"]).size()
    assert (uses[0] == 1).all()
    assert (uses[1] == 4).all()


def test_a_raw_configuration_is_spelled_in_its_architecture() -> None:
    for row in map_raw_configurations(cross.space()).itertuples():
        stem = f"k{row.kernel_size}-s{row.stride}-p{row.padding}"
        pool = "nopool" if row.pool_choice else f"pool{row.kernel_size_pool}s{row.stride_pool}"
        assert row.architecture == f"{stem}-{pool}-w{row.initial_output_feature}"


def test_choices_of_any_kind_are_written(tmp_path: Path) -> None:
    choices = {"width": [4, 8], "norm": [False, True], "rate": [0.5, 1], "window": [(1, 3), (3, 3)]}
    space = Space(choices, lambda one: "-".join(map(str, one.values())), dict)  # type: ignore[arg-type]
    table = map_raw_configurations(space)
    RAW_CONFIGURATIONS.write(table, tmp_path / "raw.parquet")
    read = RAW_CONFIGURATIONS.read(tmp_path / "raw.parquet")
    assert read["width"].tolist()[:2] == [4, 4]
    assert set(read["norm"]) == {"False", "True"}
    assert set(read["window"]) == {"(1, 3)", "(3, 3)"}
