"""The run that the end-to-end tests share."""

from pathlib import Path

import pytest
from private_slurm import private_slurm
from runs import snakemake


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    output = snakemake(folder, "all", "deploy")
    assert " 0 left, 0 failed" in output
    return folder / "results" / "tiny"


slurm = pytest.fixture(scope="session")(private_slurm)
