"""Devices that are reached from here: what they answer, what they cannot, and that nothing is measured twice.

A real ssh server is tested in tests/e2e/test_remote_board.py. Android is played by a stand-in for adb that prints what
LiteRT's benchmark_model prints.
"""

import os
import sys
from pathlib import Path

import pytest
from examples import config

from workflow_lib.core.errors import ConfigError, UserError
from workflow_lib.devices.remote import RemoteConfig, campaign
from workflow_lib.devices.remote.campaign import measure_remotely
from workflow_lib.devices.remote.transports import TRANSPORTS, parse_benchmark

BENCHMARK = """\
INFO: Log parameter values verbosely: [0]
INFO: Running benchmark for at least 3 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=27 first=18535 curr=14421 min=14230 max=18535 avg=14650.2 std=813

INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
INFO: count=69 first=14501 curr=14402 min=14230 max=15023 avg=14575.2 std=93 p5=14300 median=14560 p95=14900

INFO: Inference timings in us: Init: 5685, First inference: 18535, Warmup (avg): 14650.2, Inference (avg): 14575.2
"""
# It counts how often it was called, and answers with the size of the file.
COMMAND = """\
import pathlib, sys
calls = pathlib.Path(sys.argv[1], "calls")
calls.write_text((calls.read_text() if calls.exists() else "") + ".")
print("measuring", file=sys.stderr)
print(pathlib.Path(sys.argv[2]).stat().st_size / 10)
"""


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    """Three files, of which two have the same content."""
    contents = {"a": b"x" * 10, "b": b"y" * 30, "c": b"x" * 10}
    for name, content in contents.items():
        (tmp_path / f"{name}.onnx").write_bytes(content)
    return [tmp_path / f"{name}.onnx" for name in contents]


def command(folder: Path, code: str = COMMAND, **values: object) -> RemoteConfig:
    (folder / "measure.py").write_text(code)
    arguments = [sys.executable, str(folder / "measure.py"), str(folder), "{model}"]
    return RemoteConfig.model_validate({"by": "command", "command": arguments} | values)


def test_equal_files_are_measured_once_and_nothing_is_measured_again(tmp_path: Path, models: list[Path]) -> None:
    settings, kept = command(tmp_path), tmp_path / "kept"
    first = measure_remotely(settings, models, kept)
    assert first["latency_ms"].tolist() == [1.0, 3.0]
    again = measure_remotely(settings.model_copy(update={"timeout_s": 5}), models, kept)
    assert (tmp_path / "calls").read_text() == ".."
    assert again.equals(first)
    next(iter(kept.glob("*.json"))).write_text("{")
    assert measure_remotely(settings, models, kept).equals(first)
    assert (tmp_path / "calls").read_text() == "...", "a damaged measurement is made again"
    measure_remotely(settings.model_copy(update={"threads": 2}), models, kept)
    assert (tmp_path / "calls").read_text() == ".....", "another number of threads is another measurement"


def test_what_was_measured_before_a_failure_is_kept(tmp_path: Path, models: list[Path]) -> None:
    failing = (
        COMMAND + "if pathlib.Path(sys.argv[1], 'fire').exists() and 'b.onnx' in sys.argv[2]: sys.exit('on fire')\n"
    )
    (tmp_path / "fire").touch()
    with pytest.raises(UserError, match=r"ended with exit code 1 \(on fire\)"):
        measure_remotely(command(tmp_path, failing), models, tmp_path / "kept")
    assert (tmp_path / "calls").read_text() == ".."
    (tmp_path / "fire").unlink()
    table = measure_remotely(command(tmp_path, failing), models, tmp_path / "kept")
    assert (tmp_path / "calls").read_text() == "...", "only what failed is measured"
    assert table["latency_ms"].tolist() == [1.0, 3.0]
    measure_remotely(command(tmp_path), models, tmp_path / "kept")
    assert (tmp_path / "calls").read_text() == ".....", "another program is another measurement"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('fast')", "printed 'fast', not a number of milliseconds"),
        ("", "printed 'nothing', not a number of milliseconds"),
        ("print(0)", r"measured 0\.0 ms, which is not a latency"),
        ("print(-1)", r"measured -1\.0 ms, which is not a latency"),
        ("print('nan')", "measured nan ms, which is not a latency"),
        ("print('inf')", "measured inf ms, which is not a latency"),
    ],
)
def test_what_is_no_latency_is_refused(tmp_path: Path, models: list[Path], code: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        measure_remotely(command(tmp_path, code), models, tmp_path / "kept")
    assert not list(tmp_path.glob("kept/*.json"))


def test_a_device_that_does_not_answer_is_tried_again(
    tmp_path: Path, models: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(campaign.time, "sleep", pauses.append)
    settings = command(tmp_path, "import time; time.sleep(20)", timeout_s=0.2, attempts=3)
    with pytest.raises(UserError, match=r"did not answer within 0\.2 s; raise timeout_s"):
        measure_remotely(settings, models, tmp_path / "kept")
    assert pauses == [2, 4]
    assert capsys.readouterr().err.count("trying again in") == 2


def test_a_program_that_is_not_there(tmp_path: Path, models: list[Path]) -> None:
    settings = RemoteConfig(by="command", command=["/no/such/program", "{model}"])
    with pytest.raises(UserError, match="/no/such/program: no such program; install it"):
        measure_remotely(settings, models, tmp_path / "kept")


def test_names_are_no_shell_commands(tmp_path: Path) -> None:
    model = tmp_path / "a; touch broken $(touch broken).onnx"
    model.write_bytes(b"x")
    assert measure_remotely(command(tmp_path), [model], tmp_path / "kept")["latency_ms"].tolist() == [0.1]
    assert not list(tmp_path.rglob("broken"))


def _adb(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "bin" / "adb"
    program.parent.mkdir()
    program.write_text(f"#!/bin/bash\necho \"$*\" >> '{folder}/calls'\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def test_an_android_device_runs_benchmark_model(
    tmp_path: Path, models: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "output.txt").write_text(BENCHMARK)
    _adb(tmp_path, f"case \"$*\" in *benchmark_model*) cat '{tmp_path}/output.txt';; esac", monkeypatch)
    settings = RemoteConfig(by="adb", runtime="litert", host="SERIAL", threads=4, folder="/data/local/tmp/edgefront")
    row = measure_remotely(settings, models[:1], tmp_path / "kept").iloc[0]
    assert (row["latency_ms"], row["latency_run_std_ms"], row["runs"]) == (14.56, 0.093, 69)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert all(call.startswith("-s SERIAL ") for call in calls)
    assert "--num_threads=4" in calls[2]
    assert calls[-1].startswith("-s SERIAL shell rm -f /data/local/tmp/edgefront/"), "the file is removed"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'error: no devices/emulators found' >&2; exit 1", r"cannot be reached by adb \(error: no devices"),
        (
            "if [ $3 = push ]; then echo 'No space left on device' >&2; exit 1; fi",
            "No space left on device.; free space",
        ),
        ("echo started", "benchmark_model printed no statistics"),
        ("[[ $4 = mkdir* ]] || { echo 'sh: benchmark_model: not found'; exit 127; }", "not found.; install it there"),
    ],
)
def test_an_android_device_that_fails(
    tmp_path: Path, models: list[Path], monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    _adb(tmp_path, script, monkeypatch)
    settings = RemoteConfig(by="adb", runtime="litert", host="SERIAL", attempts=1)
    with pytest.raises(UserError, match=message):
        TRANSPORTS["adb"](settings, models[0])


def test_an_older_benchmark_model_prints_no_median() -> None:
    old = "count=50 first=1500 curr=1480 min=1400 max=1600 avg=1450.5 std=12"
    assert parse_benchmark(old) == {"latency_ms": 1.4505, "latency_run_std_ms": 0.012, "runs": 50}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"by": "ssh"}, "devices.x.host is missing"),
        ({"by": "ssh", "host": "-oProxyCommand=sh"}, "would read as an option"),
        ({"by": "adb"}, "set runtime: litert"),
        ({"by": "command"}, r"devices\.x\.command must contain \{model\} once"),
        ({"by": "ssh", "host": "board", "command": ["x"]}, "no other way than by: command"),
    ],
)
def test_settings_that_contradict_each_other(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config({"devices": {"x": {"kind": "remote", **values}}})
