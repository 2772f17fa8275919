"""Tables between stages: what they keep, and what they refuse."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from declared_tables import declared_tables
from examples import SMALL, candidate, fold_scores, latency, network
from hypothesis import given
from hypothesis import strategies as st
from test_files import disk_full_beyond

from workflow_lib.analysis.candidate_tables import FRONT
from workflow_lib.core.errors import TableError
from workflow_lib.core.parquet import DamagedTableError
from workflow_lib.core.schema import Column, Table
from workflow_lib.data.chip_tables import REJECTED
from workflow_lib.export.network_tables import NETWORKS
from workflow_lib.latency.latency_tables import LATENCIES
from workflow_lib.training.score_tables import FOLD_SCORES

EXAMPLE = Table(
    "example",
    (
        Column("name", "text"),
        Column("count", "integer", "chips", low=0, high=10),
        Column("size_px", "number", "pixels", "side", low=0),
        Column("good", "flag"),
        Column("rank", "integer", optional=True),
        Column("shares_pct", "numbers", "%", low=0, high=100),
        Column("words", "texts"),
        Column(r"latency_.+_ms", "number", "ms", low=0, family=True),
    ),
    key=("name",),
)


def example(**columns: Sequence[Any]) -> pd.DataFrame:
    values: dict[str, Sequence[Any]] = {
        "name": ["a", "b"],
        "count": [0, 10],
        "size_px": [1.5, 2.0],
        "good": [True, False],
        "rank": [3, None],
        "shares_pct": [[0.0, 100.0], []],
        "words": [["x", "y z"], ["w"]],
        "latency_cpu_ms": [0.1, 0.2],
        "latency_gpu_ms": [0.3, 0.4],
    }
    return pd.DataFrame({name: pd.Series(column) for name, column in (values | columns).items()})


def refusal(table: Table, frame: pd.DataFrame, path: Path) -> str:
    with pytest.raises(TableError) as caught:
        table.write(frame, path)
    assert not path.exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def same(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    """Equal values, whatever holds them: lists and arrays, None and NaN are the same."""

    def plain(frame: pd.DataFrame) -> list[list[Any]]:
        return [[list(v) if isinstance(v, list | np.ndarray) else None if pd.isna(v) else v for v in row]
                for row in frame.itertuples(index=False)]  # fmt: skip

    return list(first.columns) == list(second.columns) and plain(first) == plain(second)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    EXAMPLE.write(example(), tmp_path / "a.parquet")
    assert same(EXAMPLE.read(tmp_path / "a.parquet"), example())


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"])),
            st.floats(min_value=0, allow_nan=False, allow_infinity=False),
            st.lists(st.floats(0, 100)),
        ),
        min_size=1,
        unique_by=lambda row: row[0],
    )
)
def test_any_text_and_number_is_read_as_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float, list[float]]]
) -> None:
    table = Table("example", [column for column in EXAMPLE.columns if column.name in ("name", "size_px", "shares_pct")])
    frame = pd.DataFrame(rows, columns=["name", "size_px", "shares_pct"])
    path = tmp_path_factory.mktemp("tables") / "a.parquet"
    table.write(frame, path)
    assert same(table.read(path), frame)


def test_columns_are_written_in_the_declared_order(tmp_path: Path) -> None:
    EXAMPLE.write(example()[example().columns[::-1]], tmp_path / "a.parquet")
    assert list(EXAMPLE.read(tmp_path / "a.parquet").columns[:7]) == list(example().columns[:7])


def test_units_and_meanings_are_in_the_parquet_metadata(tmp_path: Path) -> None:
    EXAMPLE.write(example(), tmp_path / "a.parquet")
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert schema.metadata[b"table"] == b"example"
    units = {field.name: field.metadata[b"unit"].decode() for field in schema}
    assert units == {
        "name": "", "count": "chips", "size_px": "pixels", "good": "", "rank": "", "shares_pct": "%", "words": "",
        "latency_cpu_ms": "ms", "latency_gpu_ms": "ms",
    }  # fmt: skip
    assert schema.field("size_px").metadata[b"meaning"] == b"side"
    assert [field.name for field in schema if field.nullable] == ["rank"]


def test_every_suffix_names_the_unit_in_every_table() -> None:
    units = {"_ms": "ms", "_pct": "%", "_bytes": "B", "_s": "s"}
    declared = declared_tables().values()
    assert len(declared) >= 12
    for table in declared:
        for column in table.columns:
            for suffix, unit in units.items():
                if column.name.endswith("_per_s"):
                    assert column.unit.endswith("/s"), f"{table.name}.{column.name}"
                elif column.name.endswith(suffix):
                    assert column.unit == unit, f"{table.name}.{column.name}"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"size_px": [1.0, np.nan]}, "size_px"),
        ({"size_px": [1.0, np.inf]}, "column size_px has NaN or infinite values"),
        ({"size_px": [1.0, -0.1]}, "column size_px has values -0.1 to 1, outside 0 to inf pixels"),
        ({"count": [1, 11]}, "column count has values 1 to 11, outside 0 to 10 chips"),
        ({"count": [1.5, 2.0]}, "table example: "),
        ({"count": ["many", "few"]}, "table example: "),
        ({"name": [1, 2]}, "table example: "),
        ({"name": ["a", None]}, "name"),
        ({"name": ["a", "a"]}, "two rows with name a"),
        ({"good": ["yes", "no"]}, "table example: "),
        ({"shares_pct": [[0.0, 101.0], []]}, "column shares_pct has values 0 to 101, outside 0 to 100 %"),
        ({"shares_pct": [[np.inf], []]}, "column shares_pct has NaN or infinite values"),
        ({"shares_pct": [[0.0], None]}, "shares_pct"),
        ({"shares_pct": [[0.0, np.nan], []]}, "shares_pct"),
        ({"shares_pct": [[0.0, None], []]}, "shares_pct"),
        ({"shares_pct": [1.0, 2.0]}, "table example: "),
        ({"words": [[1], [2]]}, "table example: "),
        ({"latency_gpu_ms": [0.1, -1.0]}, "column latency_gpu_ms has values -1 to 0.1"),
        ({"latency_gpu_s": [0.1, 1.0]}, "unknown columns ['latency_gpu_s']"),
    ],
)
def test_a_frame_that_is_not_as_declared_is_refused(
    columns: dict[str, Sequence[Any]], expected: str, tmp_path: Path
) -> None:
    assert expected in refusal(EXAMPLE, example(**columns), tmp_path / "a.parquet")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    message = refusal(EXAMPLE, example().drop(columns=["count", "rank"]), tmp_path / "a.parquet")
    assert "missing columns ['count'], unknown columns []" in message
    assert message.startswith(str(tmp_path / "a.parquet"))


def test_a_file_of_another_table_is_refused_when_read(tmp_path: Path) -> None:
    NETWORKS.write(pd.DataFrame([network()]), tmp_path / "networks.parquet")
    with pytest.raises(TableError, match=r"table latencies: missing columns .*, unknown columns "):
        LATENCIES.read(tmp_path / "networks.parquet")


def test_values_are_checked_when_read_too(tmp_path: Path) -> None:
    example(count=[5, 99]).to_parquet(tmp_path / "a.parquet", index=False)
    with pytest.raises(TableError, match="column count has values 5 to 99"):
        EXAMPLE.read(tmp_path / "a.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no Parquet at all"])
def test_a_file_that_is_no_parquet_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(TableError, match="not a readable Parquet file"):
        EXAMPLE.read(tmp_path / "a.parquet")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    EXAMPLE.write(example(), path)
    whole = path.read_bytes()
    for size in range(0, len(whole), 97):
        path.write_bytes(whole[:size])
        with pytest.raises(TableError):
            EXAMPLE.read(path)


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    EXAMPLE.write(example(), path)
    whole = path.read_bytes()
    for place in range(0, 8 * len(whole), 11):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        with pytest.raises(DamagedTableError, match=r"a\.parquet: damaged"):
            EXAMPLE.read(path)


def test_a_seal_that_was_taken_off_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    EXAMPLE.write(example(), path)
    arrow = pq.read_table(path)
    pq.write_table(arrow.replace_schema_metadata({b"table": b"example"}), path)
    with pytest.raises(DamagedTableError, match="it has no checksum"):
        EXAMPLE.read(path)
    pq.write_table(arrow.replace_schema_metadata(None), path)  # as anybody's own file
    assert len(EXAMPLE.read(path)) == len(example())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"a\.parquet: no such file"):
        EXAMPLE.read(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
def test_a_full_disk_leaves_the_old_table(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    EXAMPLE.write(example(), path)
    old = path.read_bytes()
    many = pd.concat([example()] * 2000, ignore_index=True).assign(name=[f"row {number}" for number in range(4000)])
    with disk_full_beyond(len(old) + 1000), pytest.raises(OSError, match="File too large"):
        EXAMPLE.write(many, path)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_a_refused_frame_leaves_the_old_table(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    EXAMPLE.write(example(), path)
    with pytest.raises(TableError):
        EXAMPLE.write(example(count=[-1, 0]), path)
    assert same(EXAMPLE.read(path), example())


def test_csv_spells_lists_with_semicolons(tmp_path: Path) -> None:
    EXAMPLE.write(example(), tmp_path / "a.csv")
    frame = pd.read_csv(tmp_path / "a.csv", keep_default_na=False)
    assert list(frame.columns) == list(example().columns)
    assert frame["shares_pct"].to_list() == ["0.0;100.0", ""]
    assert frame["words"].to_list() == ["x;y z", "w"]
    assert frame["size_px"].to_list() == [1.5, 2.0]


def test_csv_writes_whole_numbers_as_whole_numbers(tmp_path: Path) -> None:
    EXAMPLE.write(example(), tmp_path / "a.csv")
    frame = pd.read_csv(tmp_path / "a.csv", dtype=str, keep_default_na=False)
    assert frame["count"].to_list() == ["0", "10"]
    assert frame["rank"].to_list() == ["3", ""]


def test_many_files_make_one_table(tmp_path: Path) -> None:
    paths = [tmp_path / f"{device}.parquet" for device in ("cpu", "gpu")]
    for number, path in enumerate(paths):
        LATENCIES.write(pd.DataFrame([latency(path.stem, 1.0 + number)]), path)
    assert LATENCIES.read_all(paths)["device"].to_list() == ["cpu", "gpu"]


def test_a_key_that_two_files_share_is_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "1.parquet", tmp_path / "2.parquet"]
    for path in paths:
        LATENCIES.write(pd.DataFrame([latency("cpu", 1.0)]), path)
    with pytest.raises(TableError, match=f"two rows with channels 5, architecture {SMALL}, precision fp32, device cpu"):
        LATENCIES.read_all(paths)


def test_a_fold_without_a_class_reads_back_with_its_missing_recall(tmp_path: Path) -> None:
    scores = fold_scores([90, 80], recall_pct=[[None, 90.0], [100.0, 60.0]], auc=[None, 0.75])
    paths = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    for fold, path in enumerate(paths):
        FOLD_SCORES.write(scores.iloc[[fold]], path)
    whole = FOLD_SCORES.read_all(paths)
    assert same(whole[["auc"]], scores[["auc"]])
    recalls = [[None if share is None or np.isnan(share) else share for share in fold] for fold in whole["recall_pct"]]
    assert recalls == [[None, 90.0], [100.0, 60.0]]
    FOLD_SCORES.write(whole, tmp_path / "whole.parquet")
    FOLD_SCORES.write(FOLD_SCORES.read(tmp_path / "whole.parquet"), tmp_path / "again.parquet")


def test_an_empty_table_reads_back(tmp_path: Path) -> None:
    REJECTED.write(pd.DataFrame([], columns=["region", "file", "reason"]), tmp_path / "a.parquet")
    assert REJECTED.read(tmp_path / "a.parquet").empty


def test_a_front_keeps_a_baseline_without_rank(tmp_path: Path) -> None:
    front = pd.DataFrame(
        [candidate("a", [90, 92], 8.0, 20_000), candidate("b", [80, 82], 9.0, 30_000, baseline=True)]
    ).assign(
        rank=pd.array([0, None], dtype="Int64"),
        on_front=[True, False],
        on_epsilon_front=[True, False],
        hypervolume_pct=[100.0, 0.0],
        front_frequency=[1.0, 0.0],
        recommended=[True, False],
    )
    FRONT.write(front, tmp_path / "a.parquet")
    assert FRONT.read(tmp_path / "a.parquet")["rank"].isna().to_list() == [False, True]
