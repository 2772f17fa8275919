"""Predictors that learn from a sample measured elsewhere, and tables of others, from chips to latencies.

A command that prints the size of a network's file stands for a device, so that every latency can be checked.
"""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from runs import command, snakemake, write_config

PROGRAM = """\
import pathlib, sys
model = pathlib.Path(sys.argv[1])
with pathlib.Path(__file__).with_name("calls").open("a") as calls:
    calls.write(model.stem + "\\n")
print(1 + model.stat().st_size / 1e4)
"""
NETWORKS = {
    "grid.space": {"name": "compact", "width": [8, 12, 16, 24], "stages": [2], "pool": [0]},
}
LATENCIES = "gather_table/latencies.parquet"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kinds")


def settings(folder: Path, precisions: list[str], devices: dict[str, object]) -> Path:
    (folder / "measure.py").write_text(PROGRAM)
    return write_config(folder / "kinds.yaml", NETWORKS | {"grid.precisions": precisions, "devices": devices})


def by_command(folder: Path) -> dict[str, object]:
    return {"by": "command", "command": [sys.executable, str(folder / "measure.py"), "{model}"]}


def latencies(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "results" / "tiny" / LATENCIES)


def test_a_predictor_is_built_for_each_precision_on_a_remote_device(folder: Path) -> None:
    board = {"kind": "built", "sample_kernels": 12, "sample_networks": 4, "remote": by_command(folder)}
    config = settings(folder, ["fp32", "int8"], {"board": board})
    snakemake(folder, f"results/tiny/{LATENCIES}", config=config)
    found = latencies(folder)
    assert found.groupby("precision").size().to_dict() == {"fp32": 13, "int8": 13}
    assert (found["predictor"] == "built").all()
    for precision in ("fp32", "int8"):
        exported = folder / "results" / "tiny" / "export_kernels" / "board" / precision
        measured = pd.read_csv(folder / "results" / "tiny" / "build_predictor" / "board" / f"{precision}.measured.csv")
        sizes = {file.stem: 1 + file.stat().st_size / 1e4 for file in exported.glob("*.onnx")}
        assert measured.set_index("model")["latency_ms"].to_dict() == pytest.approx(sizes)
        validation = pd.read_parquet(
            folder / "results" / "tiny" / "build_predictor" / "board" / f"{precision}.validation.parquet"
        )
        assert set(validation["precision"]) == {precision} and len(validation) == 4
    calls = (folder / "calls").read_text().splitlines()
    snakemake(folder, f"results/tiny/{LATENCIES}", config=config)
    assert (folder / "calls").read_text().splitlines() == calls


def test_predictions_are_transferred_and_published_ones_are_read(folder: Path) -> None:
    moved = {"kind": "transferred", "base": "cortexA76cpu_tflite21", "sample_networks": 8, "remote": by_command(folder)}
    table = folder / "known.csv"
    known = {"kind": "published", "table": str(table), "source": "Someone, 2026", "runtime": "TFLite 2.1"}
    devices = {"cortexA76cpu_tflite21": {}, "moved": moved, "known": known}
    config = settings(folder, ["fp32"], devices)
    table.write_text("architecture,latency_ms\nnothing,1\n")
    (folder / "calls").write_text("")
    target = f"results/tiny/{LATENCIES}"
    failed = subprocess.run(command(folder, "--keep-going", target, config=config), capture_output=True, text=True)
    assert failed.returncode and "networks of this run have no latency: 13" in failed.stdout + failed.stderr
    networks = pd.read_parquet(folder / "results" / "tiny" / "gather_table" / "networks.parquet")
    networks[["architecture"]].drop_duplicates().assign(latency_ms=2.5).to_csv(table, index=False)
    snakemake(folder, target, config=config)
    found = latencies(folder).set_index("device")["latency_ms"]
    assert found["known"].eq(2.5).all()
    assert found["moved"].gt(1).all()
    validation = pd.read_parquet(folder / "results" / "tiny" / "transfer_predictor" / "moved.validation.parquet")
    assert len(validation) == 8
    assert len((folder / "calls").read_text().splitlines()) == 8
