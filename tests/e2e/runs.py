"""Whole runs for tests: Snakemake as a user calls it, and how tables of two runs compare."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).with_name("tiny.yaml")

# From scenes to a map, as changes of the tiny config.
TERRAIN = {"west": "Nebraska", "east": "Illinois", "new": "Nebraska"}
SCENES: dict[str, Any] = {
    "run": "field",
    "data.generate": None,
    "data.clip": {
        "false_class": "F",
        "min_distance_m": 30,
        "landscape": {"terrain": TERRAIN, "size_px": 300, "tiles": 2, "roads": 4, "channels": 3},
    },
    "data.regions": {
        area: [
            {"folder": f"{area}/DEM", "bands": ["dem"]},
            {"folder": f"{area}/Aer", "bands": ["red", "green", "blue", "nir"]},
        ]
        for area in ("west", "east")
    },
    "folds.holdout": {"method": "none", "regions": []},
    "grid.space.kernel_size": [3],
    "precisions": {},
    # The landscapes lie at different elevations, and chips are normalised by those of the data set.
    "map": {"areas": {"new": {"force": True}}, "precision": "int8", "threshold": 0.1, "overlap": 0.5},
}

ATTEMPTS = 4
# What a second training of the same network may differ in.
MEASURED = ["training_s", "utilization_pct", "peak_memory_bytes"]
TABLES = ["build_candidates/candidates", "build_front/ranked", "gather_table/fold_scores", "score_holdout/scores"]
TABLE_FILES = [f"results/tiny/{table}.parquet" for table in TABLES]


def command(folder: Path, *arguments: str, config: Path = TINY, cores: int = 1) -> list[str]:
    return [
        sys.executable, "-m", "snakemake", *arguments,
        "--snakefile", str(ROOT / "Snakefile"), "--workflow-profile", str(ROOT / "profiles" / "default"),
        "--directory", str(folder), "--configfile", str(config), "--cores", str(cores), "--quiet", "rules",
    ]  # fmt: skip


def snakemake(folder: Path, *arguments: str, config: Path = TINY) -> str:
    """Run it to its end; what it printed."""
    result = subprocess.run(command(folder, *arguments, config=config), capture_output=True, text=True)
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    return result.stdout + result.stderr


def ask(folder: Path, *arguments: str, config: Path = TINY) -> str:
    """The same for a command that runs no job, in a process that has imported Snakemake: in half the time."""
    with tempfile.NamedTemporaryFile("r+") as output:
        process = _PREPARED.Process(target=_answer, args=(command(folder, *arguments, config=config)[3:], output.name))
        process.start()
        process.join()
        text = output.read()
    assert process.exitcode == 0, text[-4000:]
    return text


_PREPARED = multiprocessing.get_context("forkserver")
_PREPARED.set_forkserver_preload(["snakemake.cli", "workflow_lib.config"])


def _answer(arguments: list[str], output: str) -> None:
    file = os.open(output, os.O_WRONLY)
    os.dup2(file, 1)
    os.dup2(file, 2)
    from snakemake.cli import main

    main(arguments)


def start(arguments: list[str], environment: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def finish(arguments: list[str], environment: dict[str, str] | None = None) -> None:
    """The same command, at most a few times: a job that was killed fails its run."""
    for _ in range(ATTEMPTS):
        result = subprocess.run(arguments, capture_output=True, text=True, env=environment)
        if result.returncode == 0:
            return
    pytest.fail((result.stdout + result.stderr)[-4000:])


def write_config(path: Path, changes: Mapping[str, Any]) -> Path:
    """The tiny config with other values; dots in keys name what lies inside sections, None takes a key away."""
    config = yaml.safe_load(TINY.read_text())
    for key, value in changes.items():
        *sections, name = key.split(".")
        section = config
        for part in sections:
            section = section.setdefault(part, {})
        section[name] = value
    path.write_text(yaml.safe_dump(config))
    return path


def assert_same_tables(first: Path, second: Path) -> None:
    """Compare the results of two runs (results/<run> of each)."""
    for table in TABLES:
        frames = (
            pd.read_parquet(folder / f"{table}.parquet").drop(columns=MEASURED, errors="ignore")
            for folder in (first, second)
        )
        pd.testing.assert_frame_equal(*frames, check_exact=True)
    arrays = (np.load(folder / "import_chips" / "chips.npy") for folder in (first, second))
    assert np.array_equal(*arrays)
