"""Parts that do not fit together."""

import io
from pathlib import Path

import pandas as pd
import pytest
from latency_files import write_kernels, write_latency
from stage_runs import ENVIRONMENT, Run, assert_refused, files_under, run_stage

from workflow_lib.core.errors import UserError
from workflow_lib.latency.latency_tables import LATENCIES
from workflow_lib.stages.gather_table import main


def _flags(folder: Path, table: str = "latencies") -> list[str]:
    return [f"--table={table}", f"--output={folder / 'out' / 'whole.parquet'}"]


def _command(folder: Path, *parts: Path) -> Run:
    return run_stage("gather_table", *_flags(folder), cwd=folder, stdin="".join(f"{part}\n" for part in parts).encode())


def _refusal(monkeypatch: pytest.MonkeyPatch, folder: Path, *parts: Path | str, table: str = "latencies") -> str:
    """What is said; nothing may have been written."""
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{part}\n" for part in parts)))
    with pytest.raises(UserError) as refusal:
        main(_flags(folder, table))
    assert not (folder / "out").exists() or files_under(folder / "out") == []
    return str(refusal.value)


def test_parts_become_one_table(tmp_path: Path) -> None:
    parts = [write_latency(tmp_path / f"part {device}.parquet", device) for device in ("a", "b", "c")]
    assert _command(tmp_path, *parts) == Run(0, [], "")
    assert LATENCIES.read(tmp_path / "out" / "whole.parquet")["device"].tolist() == ["a", "b", "c"]


def test_two_parts_with_one_key_name_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [write_latency(tmp_path / name, "board", ms=ms) for name, ms in (("a.parquet", 1.0), ("b.parquet", 2.0))]
    said = _refusal(monkeypatch, tmp_path, *parts)
    assert "two rows with channels 5" in said
    assert "board" in said, f"does not say which: {said}"


def test_a_part_of_another_schema_is_named(tmp_path: Path) -> None:
    parts = [write_latency(tmp_path / "a.parquet"), write_kernels(tmp_path / "b.parquet")]
    assert_refused(_command(tmp_path, *parts), str(tmp_path / "b.parquet"), "missing columns", "latency_ms")


@pytest.mark.parametrize(
    ("column", "value"),
    [("latency_ms", "fast"), ("latency_ms", float("inf")), ("latency_ms", -1.0), ("kernels", 1.5), ("device", None)],
)
def test_a_part_with_a_wrong_value_is_named(
    column: str, value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = write_latency(tmp_path / "a.parquet")
    bad = pd.read_parquet(write_latency(tmp_path / "b.parquet", "other"))
    bad[column] = pd.Series([value], dtype=object if value is None else None)
    bad.to_parquet(tmp_path / "b.parquet")
    said = _refusal(monkeypatch, tmp_path, good, tmp_path / "b.parquet")
    assert str(tmp_path / "b.parquet") in said
    assert column in said


@pytest.mark.parametrize("keep", [0, 4, 500, -1])
def test_a_truncated_part_is_named(keep: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [write_latency(tmp_path / f"{name}.parquet", name) for name in "ab"]
    parts[1].write_bytes(parts[1].read_bytes()[:keep])
    assert f"{parts[1]}: damaged" in _refusal(monkeypatch, tmp_path, *parts)


def test_all_damaged_parts_are_set_aside_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENT, "EDGEFRONT_RESULTS", str(tmp_path))
    parts = [write_latency(tmp_path / f"{name}.parquet", name) for name in "abc"]
    for part in parts[1:]:
        part.write_bytes(b"failed: see a log")
    assert_refused(
        _command(tmp_path, *parts),
        f"error: {parts[1]}: damaged: not a readable Parquet file",
        "it was renamed to b.parquet.damaged, and 1 more damaged files were renamed; run the same command again",
    )
    assert sorted(path.name for path in tmp_path.glob("*.parquet*")) == [
        "a.parquet", "b.parquet.damaged", "c.parquet.damaged",
    ]  # fmt: skip


def _allowing(folder: Path, *parts: Path) -> Run:
    stdin = "".join(f"{part}\n" for part in parts).encode()
    return run_stage("gather_table", *_flags(folder), "--allow-missing", cwd=folder, stdin=stdin)


def test_parts_of_failed_jobs_are_left_out_where_that_is_allowed(tmp_path: Path) -> None:
    parts = [write_latency(tmp_path / f"{name}.parquet", name) for name in "ab"]
    failed = tmp_path / "c.parquet"
    failed.write_text("failed: see c.log\n")
    assert _allowing(tmp_path, *parts, failed) == Run(0, [], "")
    assert LATENCIES.read(tmp_path / "out" / "whole.parquet")["device"].tolist() == ["a", "b"]
    assert failed.exists()
    assert_refused(_allowing(tmp_path, failed), "table latencies: every job failed")


def test_a_damaged_part_is_no_failed_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENT, "EDGEFRONT_RESULTS", str(tmp_path))
    part = write_latency(tmp_path / "a.parquet")
    part.write_bytes(b"")
    assert_refused(_allowing(tmp_path, part), "it was renamed to a.parquet.damaged")


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    result = _command(tmp_path, write_latency(tmp_path / "a.parquet"), tmp_path / "b.parquet")
    assert_refused(result, f"{tmp_path / 'b.parquet'}: no such file")


def test_a_folder_is_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(tmp_path) in _refusal(monkeypatch, tmp_path, write_latency(tmp_path / "a.parquet"), tmp_path)


def test_a_part_without_rows_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that wrote nothing would vanish without a word."""
    parts = [write_latency(tmp_path / f"{name}.parquet", name) for name in "ab"]
    LATENCIES.write(LATENCIES.read(parts[1]).iloc[:0], parts[1])
    assert str(parts[1]) in _refusal(monkeypatch, tmp_path, *parts)


def test_no_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_refused(_command(tmp_path), "no paths on standard input")
    assert "no paths on standard input" in _refusal(monkeypatch, tmp_path, "", "")


@pytest.mark.parametrize("stdin", [b"\xff\xfe.parquet\n", b"a\x00b.parquet\n"], ids=["not UTF-8", "a zero byte"])
def test_paths_that_are_none(stdin: bytes, tmp_path: Path) -> None:
    assert_refused(run_stage("gather_table", *_flags(tmp_path), cwd=tmp_path, stdin=stdin))


def test_an_unknown_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = _refusal(monkeypatch, tmp_path, write_latency(tmp_path / "a.parquet"), table="latency")
    assert said.startswith("--table latency: ")
    assert "latencies" in said
