"""A device that a command of the user measures: an edited command measures again, an untouched one does not."""

import sys
from pathlib import Path

import pandas as pd
from runs import snakemake, write_config

PROGRAM = "import pathlib, sys\nprint(pathlib.Path(sys.argv[1]).stat().st_size / {divisor})\n"


def latencies(folder: Path) -> list[float]:
    table = pd.read_parquet(folder / "results" / "tiny" / "gather_table" / "latencies.parquet")
    return sorted(table["latency_ms"])


def test_an_edited_command_measures_again(tmp_path: Path) -> None:
    program, folder = tmp_path / "measure.py", tmp_path / "run"
    program.write_text(PROGRAM.format(divisor=1e6))
    device = {"kind": "remote", "by": "command", "command": [sys.executable, str(program), "{model}"]}
    config = write_config(tmp_path / "command.yaml", {"devices": {"bench": device}})
    snakemake(folder, "latency", config=config)
    first = latencies(folder)
    assert len(first) == 3 and min(first) > 10
    assert "Nothing to be done" in snakemake(folder, "latency", config=config)
    program.write_text(PROGRAM.format(divisor=2e6))
    snakemake(folder, "latency", config=config)
    assert latencies(folder) == [value / 2 for value in first]
