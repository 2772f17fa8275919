"""The ranked candidates, and the baseline beside them."""

from pathlib import Path

import pandas as pd
import pytest
from examples import candidate

from workflow_lib.analysis.candidate_tables import CANDIDATES, FRONT
from workflow_lib.analysis.ranked_front import rank_candidates
from workflow_lib.core.errors import UserError
from workflow_lib.pareto.front_config import FrontConfig

FRONT_CONFIG = FrontConfig(resamples=50)

ROWS = [
    candidate("beaten", [70.0, 71.0], 20.0, 40_000_000),
    candidate("accurate", [95.0, 96.0], 12.0, 11_000_000),
    candidate("second", [89.0, 90.0], 9.0, 12_000_000),
    candidate("fast", [90.0, 91.0], 8.0, 11_000_000),
]
PERFECT = candidate("baseline", [100.0, 100.0], 0.1, 20_000, baseline=True)
COLUMNS = ["rank", "on_front", "on_epsilon_front", "hypervolume_pct", "front_frequency", "recommended"]


def ranked(*rows: dict[str, object], seed: int = 0) -> pd.DataFrame:
    return rank_candidates(pd.DataFrame(rows), FRONT_CONFIG, seed).set_index("candidate")


def test_ranks_and_front_by_hand() -> None:
    table = ranked(*ROWS)
    assert table["rank"].to_dict() == {"accurate": 0, "fast": 0, "second": 1, "beaten": 2}
    assert table["on_front"].to_dict() == {"accurate": True, "fast": True, "second": False, "beaten": False}
    assert list(table.index) == ["accurate", "fast", "second", "beaten"]


def test_a_baseline_is_never_on_the_front() -> None:
    row = ranked(*ROWS, PERFECT).loc["baseline"]
    assert pd.isna(row["rank"])
    assert [row[name] for name in COLUMNS[1:]] == [False, False, 0, 0, False]


def test_a_baseline_hides_nobody() -> None:
    """It beats all of them in everything, and nothing about them changes."""
    without, beside = ranked(*ROWS), ranked(PERFECT, *ROWS)
    assert list(beside.index) == [*without.index, "baseline"]
    for name in COLUMNS:
        assert beside[name].drop("baseline").to_list() == without[name].to_list(), name


def test_a_baseline_that_all_beat_is_listed_last_too() -> None:
    poor = candidate("baseline", [10.0, 11.0], 99.0, 44_000_000, baseline=True)
    assert ranked(poor, *ROWS).index[-1] == "baseline"


def test_exactly_one_is_recommended_and_it_is_on_the_front() -> None:
    table = ranked(*ROWS, PERFECT)
    assert table["recommended"].sum() == 1
    assert table["on_front"][table["recommended"]].all()


def test_nobody_is_lost_and_no_column_changes() -> None:
    before = pd.DataFrame([PERFECT, *ROWS]).set_index("candidate")
    after = ranked(PERFECT, *ROWS).loc[before.index, before.columns]
    assert after.to_dict() == before.to_dict()


def test_hypervolume_and_frequency_belong_to_the_front() -> None:
    table = ranked(*ROWS)
    assert (table["hypervolume_pct"][table["on_front"]] > 0).all()
    assert (table["hypervolume_pct"][~table["on_front"]] == 0).all()
    assert table["front_frequency"].to_dict() == {"accurate": 1, "fast": 1, "second": 0, "beaten": 0}


def test_equal_candidates_share_the_front() -> None:
    table = ranked(*ROWS, candidate("twin", [95.0, 96.0], 12.0, 11_000_000))
    assert table.loc[["accurate", "twin"], "on_front"].all()
    assert table.loc[["accurate", "twin"], "on_epsilon_front"].sum() == 1


def test_a_baseline_alone_is_refused() -> None:
    with pytest.raises(UserError, match="no candidate besides the baseline"):
        ranked(PERFECT)


def test_a_front_of_candidates_read_from_a_file_can_be_written(tmp_path: Path) -> None:
    CANDIDATES.write(pd.DataFrame([PERFECT, *ROWS]), tmp_path / "candidates.parquet")
    table = rank_candidates(CANDIDATES.read(tmp_path / "candidates.parquet"), FRONT_CONFIG, 0)
    for path in (tmp_path / "front.parquet", tmp_path / "front.csv"):
        FRONT.write(table, path)
    read = FRONT.read(tmp_path / "front.parquet")
    assert read["candidate"].to_list() == ["accurate", "fast", "second", "beaten", "baseline"]
    assert read["rank"].isna().to_list() == [False] * 4 + [True]
