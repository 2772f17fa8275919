"""The run that the end-to-end tests share."""

import shutil
from pathlib import Path

import pytest
from private_slurm import private_slurm
from runs import snakemake


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To read and to compare with; a test that runs more in it takes `own_run`."""
    folder = tmp_path_factory.mktemp("run")
    output = snakemake(folder, "all", "deploy")
    assert " 0 left, 0 failed" in output
    return folder / "results" / "tiny"


@pytest.fixture
def own_run(run: Path, tmp_path: Path) -> Path:
    """A copy of it, to change: its working folder, with results/tiny in it."""
    return shutil.copytree(run.parents[1], tmp_path / "run")


slurm = pytest.fixture(scope="session")(private_slurm)
