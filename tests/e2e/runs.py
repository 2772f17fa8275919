"""Whole runs for tests: Snakemake as a user calls it, and how tables of two runs compare."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).with_name("tiny.yaml")

ATTEMPTS = 4
# What a second training of the same network may differ in.
MEASURED = ["training_s", "utilization_pct", "peak_memory_bytes"]
TABLES = ["build_candidates/candidates", "build_front/ranked", "gather_table/fold_scores", "score_holdout/scores"]


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
