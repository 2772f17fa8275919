"""The runs that the end-to-end tests share."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from private_slurm import private_slurm
from runs import SCENES, snakemake, write_config


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To read and to compare with; a test that runs more in it takes `own_run`."""

    def make(folder: Path) -> None:
        assert " 0 left, 0 failed" in snakemake(folder, "all", "deploy")

    return made_once("run", make, tmp_path_factory) / "results" / "tiny"


@pytest.fixture
def own_run(run: Path, tmp_path: Path) -> Path:
    """A copy of it, to change: its working folder, with results/tiny in it."""
    return shutil.copytree(run.parents[1], tmp_path / "run", ignore=shutil.ignore_patterns("locks"))


@pytest.fixture(scope="session")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of a run from scenes to a map; nothing changes results/field in it."""

    def make(folder: Path) -> None:
        snakemake(folder, config=write_config(folder / "field.yaml", SCENES))

    return made_once("field", make, tmp_path_factory)


def made_once(name: str, make: Callable[[Path], None], factory: pytest.TempPathFactory) -> Path:
    """A folder that the first of the processes that run the tests fills, for all of them."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, finished = base / name, base / f"{name}.finished"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            finished.touch()
    return folder


slurm = pytest.fixture(scope="session")(private_slurm)
