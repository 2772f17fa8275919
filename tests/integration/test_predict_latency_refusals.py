"""Predictors and kernel tables that are not what they should be."""

import hashlib
import json
from pathlib import Path

import pytest
from latency_files import PREDICTOR, write_kernels, write_predictor
from stage_runs import assert_refused, files_under, run_stage

from workflow_lib.core.errors import UserError
from workflow_lib.latency.latency_tables import LATENCIES
from workflow_lib.stages.predict_latency import main


def _arguments(folder: Path) -> list[str]:
    return [
        "--settings", '{"kind": "calibrated"}', "--input", f"kernels={folder / 'kernels.parquet'}",
        f"predictor={folder / 'predictor.json'}", "--channels=5", "--architecture=k3-s2-p1-nopool-w32",
        "--device=cortexA76cpu_tflite21",
        f"--output={folder / 'out' / 'latency.parquet'}",
    ]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_kernels(tmp_path / "kernels.parquet")
    write_predictor(tmp_path / "predictor.json")
    return tmp_path


def test_good_files_give_a_latency(folder: Path) -> None:
    main(_arguments(folder))
    row = LATENCIES.read(folder / "out" / "latency.parquet").iloc[0]
    activations = (50**2 * 3 + 25**2 * 32) / 1e6
    assert row["latency_ms"] == pytest.approx(0.54 * 0.02 + 0.54 / 25**2 * 1.0 + activations * 0.5)
    assert (row["kernels"], row["covered_kernels"]) == (1, 1)


def _sealed(values: dict[str, object]) -> bytes:
    """With the checksum that a job would have written: what is in it is refused for what it says."""
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
    return json.dumps(values | {"sha256": digest}).encode()


def _changed(**changes: object) -> bytes:
    return _sealed(PREDICTOR | changes)


def _with_coefficient(value: str) -> bytes:
    return json.dumps(PREDICTOR).replace('"weights_ms_per_million": 1.0', f'"weights_ms_per_million": {value}').encode()


HOSTILE = {
    "empty": b"",
    "not JSON": b"pickle? \x80\x04K\x01.",
    "truncated": json.dumps(PREDICTOR).encode()[:100],
    "not UTF-8": b'{"device": "\xff"}',
    "a list": b"[]",
    "a number": b"42",
    "text": b'"calibrated"',
    "null": b"null",
    "an empty object": _sealed({}),
    "nested too deep": b"[" * 200_000,
    "nested too deep, inside": b'{"device": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "an integer of 10,000 digits": _with_coefficient("1" + "0" * 10_000),
    "an integer beyond floating point": _with_coefficient("1" + "0" * 400),
    "NaN": _with_coefficient("NaN"),
    "infinite": _with_coefficient("Infinity"),
    "negative": _with_coefficient("-1"),
    "a coefficient of text": _with_coefficient('"fast"'),
    "no coefficients": _changed(coefficients={}),
    "coefficients as a list": _changed(coefficients=[1.0, 2.0]),
    "another term": _changed(coefficients=PREDICTOR["coefficients"] | {"magic": 1.0}),
    "no device": _sealed({key: value for key, value in PREDICTOR.items() if key != "device"}),
    "unpriced types as text": _changed(unpriced_types="add"),
    "unpriced types as a number": _changed(unpriced_types=3),
    "an error of null": _changed(loo_median_error_pct=None),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_predictor_that_is_none_is_refused_by_name(content: bytes, folder: Path) -> None:
    (folder / "predictor.json").write_bytes(content)
    with pytest.raises(UserError, match=r"predictor\.json"):
        main(_arguments(folder))
    assert not (folder / "out").exists() or files_under(folder / "out") == []


@pytest.mark.parametrize("case", ["not JSON", "nested too deep", "an empty object"])
def test_the_command_says_it_in_one_line(case: str, folder: Path) -> None:
    (folder / "predictor.json").write_bytes(HOSTILE[case])
    assert_refused(run_stage("predict_latency", *_arguments(folder), cwd=folder), "predictor.json")


def test_a_missing_predictor(folder: Path) -> None:
    (folder / "predictor.json").unlink()
    result = run_stage("predict_latency", *_arguments(folder), cwd=folder)
    assert_refused(result, str(folder / "predictor.json"), "No such file")


def test_a_predictor_of_another_device_is_refused(folder: Path) -> None:
    """Its numbers would stand in the report under the wrong name."""
    write_predictor(folder / "predictor.json", device="adreno640gpu_tflite21")
    with pytest.raises(UserError, match="adreno640gpu_tflite21"):
        main(_arguments(folder))


@pytest.mark.parametrize("keep", [0, 4, 50, 0.5, -1], ids=["empty", "magic", "50 bytes", "half", "all but a byte"])
def test_a_truncated_table_of_kernels(keep: float, folder: Path) -> None:
    path = folder / "kernels.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep) if isinstance(keep, float) else keep])
    with pytest.raises(UserError, match=rf"{path}: damaged"):
        main(_arguments(folder))
    assert not (folder / "out").exists() or files_under(folder / "out") == []


def test_flipped_bytes_are_no_crash(folder: Path) -> None:
    """Whatever a bad disk does to the table: an answer or a refusal, never a bug's traceback."""
    path = folder / "kernels.parquet"
    whole = path.read_bytes()
    crashes = {}
    for position in range(0, len(whole), 61):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        try:
            main(_arguments(folder))
        except UserError as error:
            assert "\n" not in str(error)
        except Exception as error:
            crashes[position] = repr(error)
    assert crashes == {}


def test_a_table_of_another_kind(folder: Path) -> None:
    main(_arguments(folder))
    (folder / "out" / "latency.parquet").rename(folder / "kernels.parquet")
    with pytest.raises(
        UserError, match=r"kernels\.parquet: damaged: table kernels: missing columns .*, unknown columns"
    ):
        main(_arguments(folder))


def test_an_unknown_kernel_is_named(folder: Path) -> None:
    write_kernels(folder / "kernels.parquet", type="hyperconv")
    with pytest.raises(UserError, match="hyperconv"):
        main(_arguments(folder))


@pytest.mark.parametrize("column", ["input_hw", "output_hw"])
def test_a_kernel_of_no_size_is_refused(column: str, folder: Path) -> None:
    with pytest.raises(UserError, match=column):
        write_kernels(folder / "kernels.parquet", **{column: 0.0})
        main(_arguments(folder))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('{"kind": "oracle"}', "kind 'oracle' is unknown; known kinds are"),
        ('{"kind": "calibrated", "unit": "ms"}', "kind calibrated has no unit"),
        ("calibrated", "'calibrated' is not JSON"),
    ],
)
def test_settings_of_no_kind_are_refused(folder: Path, settings: str, message: str) -> None:
    arguments = [settings if part.startswith("{") else part for part in _arguments(folder)]
    assert_refused(run_stage("predict_latency", *arguments, cwd=folder), message)
