"""The whole data part of the workflow where names are awkward: the checkout's, the data's, the chips'."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from chip_files import NORTH, SIZE, write_pair, write_region
from stage_runs import ENVIRONMENT, PROJECT, run
from workflow_copy import copy_workflow, demo_config, snakemake

from workflow_lib.data.chip_tables import CHIPS, FOLDS

FOLDS_FILE = "results/awkward/assign_folds/folds.parquet"


def _config(root: Path) -> dict[str, Any]:
    return {
        "run": "awkward",
        "data": {"root": str(root), "regions": NORTH, "classes": ["F", "T"], "chip_size_px": SIZE},
        "folds": {"count": 2},
        "grid": {"channel_sets": {"4": ["dem", "red", "green", "blue"]}, "batch_sizes": [2]},
    }


def _run(checkout: Path, root: Path) -> None:
    (checkout / "mine.yaml").write_text(yaml.safe_dump(_config(root)))
    result = snakemake(checkout, FOLDS_FILE, "--configfile", "mine.yaml")
    assert result.code == 0, "\n".join(result.lines[-30:])
    assert set(FOLDS.read(checkout / FOLDS_FILE)["role"]) == {"training", "validation"}


@pytest.mark.parametrize("name", ["with space", "it's"])
def test_the_checkout_may_lie_anywhere(name: str, tmp_path: Path) -> None:
    write_region(tmp_path / "in" / "North")
    _run(copy_workflow(tmp_path / name / "edgefront"), tmp_path / "in")


ODD_NAMES = ["with space.tif", "quote'd.tif", "$(touch ran).tif", "; touch ran #.tif", "Grüße.tif", "100%s.tif"]


def test_chips_may_be_called_anything(tmp_path: Path) -> None:
    root = tmp_path / "in $(touch ran); touch ran"
    write_region(root / "North")
    for column, name in enumerate(ODD_NAMES):
        write_pair(root / "North", "F", name, 10 + column)
    checkout = copy_workflow(tmp_path / "edgefront")
    _run(checkout, root)
    assert set(ODD_NAMES) <= set(CHIPS.read(checkout / "results/awkward/import_chips/chips.parquet")["file"])
    assert not list(tmp_path.rglob("ran"))


def test_a_bad_chip_is_shown_by_the_run(tmp_path: Path) -> None:
    """The stage's line reaches the terminal, not its log alone, and no output stays behind."""
    write_region(tmp_path / "in" / "North")
    (tmp_path / "in/North/Aer/T/t1.tif").write_bytes(b"no raster")
    checkout = copy_workflow(tmp_path / "edgefront")
    (checkout / "mine.yaml").write_text(yaml.safe_dump(_config(tmp_path / "in")))
    result = snakemake(checkout, FOLDS_FILE, "--configfile", "mine.yaml")
    assert result.code != 0
    assert [line for line in result.lines if line.strip().startswith("error: ") and "North/Aer/T/t1.tif" in line]
    assert not list((checkout / "results").rglob("*.npy"))


def test_a_checkout_with_braces_is_refused_in_one_line(tmp_path: Path) -> None:
    checkout = copy_workflow(tmp_path / "a {brace}" / "edgefront")
    (checkout / "mine.yaml").write_text(yaml.safe_dump(_config(tmp_path)))
    result = snakemake(checkout, FOLDS_FILE, "--configfile", "mine.yaml")
    assert result.code == 2
    (line,) = [line for line in result.lines if line.startswith("error: ")]
    assert "braces" in line
    assert "Traceback" not in "\n".join(result.lines)


@pytest.mark.parametrize("name", ["{braces}", "<results>", "{wildcard}/<x>", "two  blanks and 'quotes'"])
def test_the_data_may_lie_anywhere(name: str, tmp_path: Path) -> None:
    write_region(tmp_path / name / "North")
    _run(copy_workflow(tmp_path / "edgefront"), tmp_path / name)


@pytest.mark.parametrize("name", ["with blank.yaml", "it's.yaml", "$(touch ran).yaml", "a;b&c.yaml", "$HOME.yaml"])
def test_make_takes_any_name_of_a_scenario(name: str, tmp_path: Path) -> None:
    """Everything of the Makefile but the setup, which is the tests' own environment."""
    checkout = copy_workflow(tmp_path / "edgefront")
    shutil.copy(PROJECT / "Makefile", checkout)
    (checkout / ".venv").symlink_to(sys.prefix)
    (checkout / name).write_text(yaml.safe_dump(demo_config()))
    environment = {key: value for key, value in ENVIRONMENT.items() if key not in ("PYTHONPATH", "MAKEFLAGS")}
    done = run(["make", "-o", ".venv/ready", "plan"], checkout, environment=environment | {"SCENARIO": name})
    assert done.code == 0, done.lines[-5:]
    assert "train_fold" in done.output + "\n".join(done.lines)
    assert not list(tmp_path.rglob("ran"))


def test_a_home_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    write_region(tmp_path / "in" / "North")
    checkout = copy_workflow(tmp_path / "edgefront")
    (checkout / "mine.yaml").write_text(yaml.safe_dump(_config(tmp_path / "in")))
    nowhere = {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": "", "MPLCONFIGDIR": ""}
    kernels = "results/awkward/detect_kernels/4/k3-s2-p1-pool3s2-w32/plain.parquet"  # nn-Meter writes into its home
    flags = ["--cores", "1", FOLDS_FILE, kernels, "--configfile", "mine.yaml"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{ENVIRONMENT['PATH']}"
    environment = {key: value for key, value in ENVIRONMENT.items() if key != "PYTHONPATH"} | {"PATH": path} | nowhere
    done = run([sys.executable, "-m", "snakemake", *flags], checkout, environment=environment)
    assert done.code == 0, "\n".join(done.lines[-20:])
    assert "Traceback" not in "\n".join(done.lines)
