"""A bundle on a machine that has nothing but what it requires; and a map whose job is killed."""

import os
import signal
import subprocess
import time
import venv
from pathlib import Path

import pytest
from scene_files import noise, write_scene
from stage_runs import ENVIRONMENT, assert_refused, command, run

BARE = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """2,600 pixels to a side: four blocks."""
    folder = tmp_path_factory.mktemp("scenes")
    dem = write_scene(folder / "dem.tif", noise(1, 2600, 2600), resolution=2.0, compress="deflate", tiled=True)
    aerial = write_scene(folder / "aer.tif", noise(2, 2600, 2600), resolution=2.0, compress="deflate", tiled=True)
    return [f"--scene=dem={dem}", f"--scene=red,nir={aerial}"]


def outputs(folder: Path) -> list[str]:
    folder.mkdir()
    return [f"--probability={folder / 'map.tif'}", f"--detections={folder / 'found.gpkg'}"]


def test_it_runs_where_only_its_requirements_are(bundle: Path, scenes: list[str], tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    install = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        bundle / "requirements.txt",
    ]
    done = subprocess.run(install, env=BARE, capture_output=True, text=True)
    if done.returncode and "No matching distribution" in done.stderr:
        pytest.skip(f"the package registry cannot be reached: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    has_torch = subprocess.run([python, "-c", "import torch"], env=BARE, capture_output=True)
    assert has_torch.returncode, "the environment is not bare"

    program = [str(python), str(bundle / "apply_model.pyz")]
    flags = [*scenes, "--overlap=0"]
    device = run([*program, str(bundle), *flags, *outputs(tmp_path / "device")], tmp_path, environment=BARE)
    assert device.code == 0, device.lines
    here = run(command("apply_model", bundle, *flags, *outputs(tmp_path / "here")), tmp_path)
    assert here.code == 0, here.lines
    for name in ("map.tif", "found.gpkg"):
        assert (tmp_path / "device" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    wrong = run([*program, str(tmp_path), *flags, *outputs(tmp_path / "wrong")], tmp_path, environment=BARE)
    assert_refused(wrong, "is not a bundle")


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_map_goes_on_to_the_same_files(
    bundle: Path, scenes: list[str], tmp_path: Path, sign: signal.Signals
) -> None:
    flags = [str(bundle), *scenes, "--overlap=0", "--threads=1"]
    whole = run(command("apply_model", *flags, *outputs(tmp_path / "whole")), tmp_path)
    assert whole.code == 0, whole.lines
    again = [*flags, *outputs(tmp_path / "killed")]
    job = subprocess.Popen(command("apply_model", *again), env=ENVIRONMENT, stderr=subprocess.PIPE)
    partial = tmp_path / "killed" / "map.tif.partial"
    while not list(partial.glob("*.npy")):
        assert job.poll() is None
        time.sleep(0.01)
    job.send_signal(sign)
    job.communicate()
    kept = {file: file.stat().st_mtime_ns for file in partial.glob("*.npy")}
    assert kept and not (tmp_path / "killed" / "map.tif").exists()
    done = run(command("apply_model", *again), tmp_path)
    assert done.code == 0, done.lines
    for name in ("map.tif", "found.gpkg"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not partial.exists()
