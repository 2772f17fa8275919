"""A full disk and a killed import: whole files or none, and the next run works."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chip_files import SIZE, Imported, data_flags, output_flags, pixels, place, write_chip, write_region
from stage_runs import ENVIRONMENT, assert_refused, command, files_under, run, run_stage

AERIAL_ONLY = {"North": [{"folder": "North/Aer", "bands": ["red", "green", "blue", "nir"]}]}
CHIP_BYTES = SIZE * SIZE * 6 * 4  # four bands and two indices


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "edgefront-test", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a tmpfs here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def _write_many(root: Path, count: int) -> None:
    """Many chips that share one file on disk with all others of their class."""
    for number in range(count):
        label = "FT"[number % 2]
        first = root / f"North/Aer/{label}/{number % 2}.tif"
        if number < 2:
            write_chip(first, pixels(number), place())
        else:
            os.link(first, root / f"North/Aer/{label}/{number}.tif")


def test_a_full_disk_under_the_array(tiny_disk: Path, tmp_path: Path) -> None:
    _write_many(tmp_path, 20)  # 768 kB
    arguments = [*data_flags(tmp_path, regions=AERIAL_ONLY), *output_flags(tiny_disk)]
    result = run_stage("import_chips", *arguments, cwd=tmp_path)
    assert_refused(result, "No space left on device")
    assert files_under(tiny_disk) == []
    assert "chips.npy" in result.lines[0], f"does not say where: {result.lines[0]}"


@pytest.mark.parametrize(
    ("name", "free_kb"),
    [("moments.npy", 0), ("moments.npy", 4), ("chips.parquet", 0), ("bands.parquet", 0), ("rejected.parquet", 0)],
)
def test_a_full_disk_under_another_output(name: str, free_kb: int, tiny_disk: Path, tmp_path: Path) -> None:
    """None of the outputs is left: half of them, of two imports, would not belong together."""
    _write_many(tmp_path, 100)
    (tiny_disk / "filler").write_bytes(bytes((200 - free_kb) * 1024))
    out = tmp_path / "out"
    outputs = [flag.replace(f"{out}/{name}", f"{tiny_disk}/{name}") for flag in output_flags(out)]
    result = run_stage("import_chips", *data_flags(tmp_path, regions=AERIAL_ONLY), *outputs, cwd=tmp_path)
    assert_refused(result)
    assert files_under(tiny_disk) == ["filler"]
    assert files_under(out) == []


def test_a_limit_on_file_size_is_a_full_disk(tmp_path: Path) -> None:
    write_region(tmp_path / "North")
    limit = 2 * CHIP_BYTES

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    arguments = [*data_flags(tmp_path), *output_flags(tmp_path / "out")]
    result = run(command("import_chips", *arguments), tmp_path, before=limited)
    assert_refused(result, "File too large")
    assert files_under(tmp_path / "out") == []


def test_a_failed_import_leaves_the_last_good_one(tmp_path: Path) -> None:
    write_region(tmp_path / "North")
    arguments = [*data_flags(tmp_path), *output_flags(tmp_path / "out")]
    run_stage("import_chips", *arguments, cwd=tmp_path)
    before = {file: (tmp_path / "out" / file).read_bytes() for file in files_under(tmp_path / "out")}
    (tmp_path / "North/Aer/T/t1.tif").write_bytes(b"no raster")
    assert_refused(run_stage("import_chips", *arguments, cwd=tmp_path), "t1.tif")
    assert {file: (tmp_path / "out" / file).read_bytes() for file in files_under(tmp_path / "out")} == before


def _kill_midway(arguments: list[str], out: Path, cwd: Path, how: signal.Signals) -> None:
    importing = subprocess.Popen(
        command("import_chips", *arguments), cwd=cwd, env=ENVIRONMENT, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 20
    while not any(file.stat().st_size > CHIP_BYTES for file in out.rglob("*.npy")):
        assert importing.poll() is None, "ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    importing.send_signal(how)
    assert importing.wait(20) != 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_import_leaves_no_array_and_can_be_repeated(how: signal.Signals, tmp_path: Path) -> None:
    _write_many(tmp_path, 400)
    out = tmp_path / "out"
    arguments = [*data_flags(tmp_path, regions=AERIAL_ONLY), *output_flags(out)]
    _kill_midway(arguments, out, tmp_path, how)
    assert not [name for name in files_under(out) if "/" not in name and not name.startswith(".")]
    if how != signal.SIGKILL:  # nobody can tidy up after that one
        assert files_under(out) == []
    result = run_stage("import_chips", *arguments, cwd=tmp_path)
    assert result.code == 0
    assert [line.split(" (such")[0] for line in result.lines] == [
        "warning: import_chips: region North: 398 chips that are copies of others; folds keep copies on one side"
    ]
    assert Imported.read(out).array.shape == (400, SIZE, SIZE, 6)


# As GDAL's callbacks do, a destructor loses what a signal raises in it.
LOSES = """
import os, signal, time
from workflow_lib.core.running import run_stage
class Loses:
    def __del__(self):
        os.kill(os.getpid(), signal.{how})
        time.sleep(0.1)
def main():
    Loses()
    time.sleep(20)
    print("went on")
run_stage(main)
"""


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT"])
def test_a_signal_that_a_callback_loses_ends_the_stage_all_the_same(how: str) -> None:
    code = LOSES.format(how=how)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, timeout=15)
    assert (ended.returncode, ended.stdout) == (128 + signal.SIGTERM, "")


def test_an_output_folder_that_is_a_file(tmp_path: Path) -> None:
    write_region(tmp_path / "North")
    (tmp_path / "out").write_text("in the way")
    arguments = [*data_flags(tmp_path), *output_flags(tmp_path / "out")]
    assert_refused(run_stage("import_chips", *arguments, cwd=tmp_path), str(tmp_path / "out"))
