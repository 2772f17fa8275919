"""How one network reaches a device and comes back as a measurement: ssh, adb, or a command of the user."""

import json
import math
import re
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import sha256
from workflow_lib.devices.remote import MODEL, RemoteConfig, runner

_NOTHING: Final = Path("/dev/null")
_RUNNER: Final = Path(runner.__file__)
_CONNECT_S: Final = 15
# What ssh returns if it fails itself; the commands on the board return other numbers.
_SSH_FAILED: Final = 255
# What a shell returns for a command that a signal ended is this plus the signal's number.
_FIRST_SIGNAL: Final = 128
_US_PER_MS: Final = 1e3

Reading = dict[str, Any]
"""The columns of REMOTE except the checksum."""


class UnreachableError(UserError):
    """The device cannot be reached, or did not answer in time; another attempt may succeed."""


def by_ssh(settings: RemoteConfig, model: Path) -> Reading:
    """Measure a network on a board with Python; the file is removed afterwards."""
    program = f"{settings.place}/runner-{sha256(_RUNNER)[:16]}.py"
    remote = f"{settings.place}/{sha256(model)}{model.suffix}"
    _send(settings, _RUNNER, program)
    _send(settings, model, remote)
    words = [
        settings.python, program, "--runtime", settings.runtime, "--threads", str(settings.threads),
        "--timeout", str(math.ceil(settings.timeout_s)), remote,
    ]  # fmt: skip
    output = _ssh(settings, f"{shlex.join(words)}; code=$?; rm -f {shlex.quote(remote)}; exit $code")
    try:
        found = json.loads(output.splitlines()[-1])
    except (ValueError, IndexError):
        raise UserError(f"the board answered {output[-200:]!r} instead of a measurement", settings.host) from None
    return _checked(found, settings.host)


def _send(settings: RemoteConfig, file: Path, target: str) -> None:
    """Copy a file to the board, unless it is there with the same size."""
    place, part = shlex.quote(target), shlex.quote(f"{target}.part")
    there = f'[ "$(wc -c < {place} 2>/dev/null)" -eq {file.stat().st_size} ] 2>/dev/null'
    copy = f"cat > {part} && mv {part} {place}"
    _ssh(settings, f"mkdir -p {shlex.quote(settings.place)} && {{ {there} || {{ {copy}; }}; }}", file)


def _ssh(settings: RemoteConfig, command: str, stdin: Path | None = None) -> str:
    options = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={_CONNECT_S}", "-o", "ServerAliveInterval=5"]
    configured = ["-F", settings.ssh_config] if settings.ssh_config else []
    arguments = ["ssh", *configured, *options, "--", settings.host, command]
    result = _run(arguments, settings, stdin)
    if result.returncode == _SSH_FAILED:
        raise UnreachableError(f"cannot be reached by ssh ({_last_line(result)})", settings.host, "check: ssh")
    if result.returncode < 0 or result.returncode >= _FIRST_SIGNAL:
        raise UnreachableError("the measurement was interrupted", settings.host)
    if result.returncode:
        raise UserError(f"failed on the board ({_last_line(result)})", settings.host, _advice(result.stderr))
    return result.stdout


def by_adb(settings: RemoteConfig, model: Path) -> Reading:
    """Measure a network on an Android device with LiteRT's benchmark_model."""
    adb = ["adb", *(["-s", settings.host] if settings.host else [])]
    remote = f"{settings.place}/{sha256(model)}.tflite"
    benchmark = [
        settings.benchmark_model, f"--graph={remote}", f"--num_threads={settings.threads}", "--num_runs=50",
        "--warmup_runs=3", "--use_xnnpack=true",
    ]  # fmt: skip
    for arguments in (["shell", shlex.join(["mkdir", "-p", settings.place])], ["push", str(model), remote]):
        _adb(settings, [*adb, *arguments])
    try:
        text = _adb(settings, [*adb, "shell", shlex.join(benchmark)])
    finally:
        _run([*adb, "shell", shlex.join(["rm", "-f", remote])], settings)
    return _checked(parse_benchmark(text), settings.host or "adb")


def _adb(settings: RemoteConfig, arguments: Sequence[str]) -> str:
    result = _run(arguments, settings)
    text = result.stdout + result.stderr
    if result.returncode and re.search(r"no devices|device .*(not found|offline|unauthorized)|cannot connect", text):
        raise UnreachableError(f"cannot be reached by adb ({_last_line(result)})", settings.host, "check: adb devices")
    if result.returncode:
        raise UserError(f"failed on the device ({_last_line(result)})", settings.host or "adb", _advice(text))
    return text


def parse_benchmark(text: str) -> Reading:
    r"""Read the latencies from the output of LiteRT's benchmark_model.

    Args:
        text: its output, whose last statistics line is that of the timed runs: "count=50 first=.. curr=.. min=.. max=..
            avg=.. std=.. p5=.. median=.. p95=..", in microseconds. Older releases lack the median.

    Returns:
        Median (or mean) and standard deviation in ms, and the number of runs.

    Source: tensorflow/lite/tools/benchmark/README.md; tensorflow/core/util/stats_calculator.h.

    >>> parse_benchmark("count=2 first=9 avg=9 std=1\nINFO: count=50 first=1500 avg=1450.5 std=12 median=1449")
    {'latency_ms': 1.449, 'latency_run_std_ms': 0.012, 'runs': 50}
    """
    lines = [line for line in text.splitlines() if "count=" in line]
    if not lines:
        raise UserError(f"benchmark_model printed no statistics, but {text[-200:]!r}", "adb")
    values = dict(re.findall(r"(\w+)=([-+\w.]+)", lines[-1]))
    try:
        microseconds = float(values["median"] if "median" in values else values["avg"])
        spread, runs = float(values.get("std", "nan")), int(values["count"])
    except (KeyError, ValueError):
        raise UserError(f"benchmark_model printed {lines[-1]!r}", "adb") from None
    deviation = spread / _US_PER_MS if math.isfinite(spread) else None
    return {"latency_ms": microseconds / _US_PER_MS, "latency_run_std_ms": deviation, "runs": runs}


def by_command(settings: RemoteConfig, model: Path) -> Reading:
    """Measure a network with a command of the user, which prints milliseconds in its last line."""
    arguments = [part.replace(MODEL, str(model.absolute())) for part in settings.command]
    result = _run(arguments, settings)
    if result.returncode:
        raise UserError(f"ended with exit code {result.returncode} ({_last_line(result)})", arguments[0])
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    try:
        return _checked({"latency_ms": float(lines[-1])}, arguments[0])
    except (ValueError, IndexError):
        printed = lines[-1] if lines else "nothing"
        raise UserError(f"printed {printed[:80]!r}, not a number of milliseconds", arguments[0]) from None


def program_digest(settings: RemoteConfig) -> str:
    """Digest of the programs that measure: the one that is copied to a board, or the files that a command names."""
    files = [_RUNNER] if settings.by == "ssh" else [Path(part) for part in settings.command]
    return " ".join(sha256(file) for file in files if file.is_file())


TRANSPORTS: Final[Mapping[str, Callable[[RemoteConfig, Path], Reading]]] = {
    "ssh": by_ssh,
    "adb": by_adb,
    "command": by_command,
}
"""Function that measures one network, by the setting `by`."""


def _run(
    arguments: Sequence[str], settings: RemoteConfig, stdin: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a program without a shell."""
    try:
        with (stdin or _NOTHING).open("rb") as stream:
            return subprocess.run(  # noqa: S603 (no shell; the arguments are the user's own)
                arguments, stdin=stream, capture_output=True, text=True, errors="replace", timeout=settings.timeout_s,
                check=False,
            )  # fmt: skip
    except FileNotFoundError:
        raise UserError("no such program", arguments[0], "install it, or correct the configuration") from None
    except PermissionError:
        raise UserError("cannot be executed", arguments[0], "make it executable, or name another") from None
    except subprocess.TimeoutExpired:
        place = settings.host or arguments[0]
        raise UnreachableError(f"did not answer within {settings.timeout_s:g} s", place, "raise timeout_s") from None


def _last_line(result: "subprocess.CompletedProcess[str]") -> str:
    text = result.stderr.strip() or result.stdout.strip() or "no message"
    return text.splitlines()[-1].strip()[:200]


def _advice(text: str) -> str:
    """Return what to do about a failure that is known by its message."""
    known = {
        "No space left": "free space on the device, or set folder to another place",
        "Exec format error": "the program was built for another processor; install that of the device",
        "cannot execute binary": "the program was built for another processor; install that of the device",
        "lacks a package": "install numpy and the runtime for the Python that `python` names",
        "not found": "install it there, or correct the configuration",
    }
    return next((advice for message, advice in known.items() if message in text), "")


def _checked(found: Any, place: str) -> Reading:
    """Check a reading: a latency must be a positive, finite number of milliseconds."""
    latency = found.get("latency_ms") if isinstance(found, dict) else None
    if not isinstance(latency, int | float) or isinstance(latency, bool) or not 0 < latency < math.inf:
        raise UserError(f"measured {latency!r} ms, which is not a latency", place)
    return {str(name): value for name, value in found.items()}
