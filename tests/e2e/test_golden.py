"""The results of every stage are the recorded ones.

If a result changes, it is a mistake, or the meaning of the stage's results has changed. In the second case raise
`CONTRACT` in the stage's module, so that users' results are made again. Then record the new results: make golden

Float32 arithmetic differs between kinds of processors, and training amplifies the differences. On a kind of processor
other than that of the record, only stages without a training before them are compared.
"""

import json
import os
import platform
import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from golden import RECORD, describe, differences, some, write_record
from runs import command, snakemake, write_config
from test_search import rounds

from workflow_lib.core.contracts import CONTRACTS

TOLERANCE = 1e-6
# These measure the machine, or draw what other stages made.
NOT_COMPARED = {
    "measure_latency", "measure_utilization", "build_report", "plot_interactive", "report_map",
    "measure_remote",
    # The converter writes their files; test_precisions compares what the files answer.
    "export_litert", "quantize_litert", "deploy_litert",
    # They need more networks than these runs have; test_device_kinds compares what they give.
    "transfer_predictor", "import_latencies",
    "train_part",  # its states and scores are those of train_fold on the way, which test_search compares
}  # fmt: skip
# No training comes before them, so they give the same results on every processor. Forests are trainings, too: they
# choose other thresholds where the last bits of the generated chips differ.
BEFORE_TRAINING = {
    "generate_landscape", "sample_points", "clip_chips", "gather_chips", "generate_chips", "import_chips",
    "assign_folds", "export_network", "import_package", "detect_kernels", "check_coverage",
    "export_kernels", "build_predictor", "calibrate_predictor", "predict_latency", "price_operations",
}  # fmt: skip

SUPERNET = {
    "batch": 8, "fair_epochs": 1, "ranked_epochs": 2, "evaluated_networks": 2, "evaluation_chips": 9,
    "kept_networks": 1,
}  # fmt: skip
CONVERTED = [
    "results/grid/convert_network/6/k3-s2-p1-pool3s2-w32/int8.parquet",
    "results/grid/score_converted/6/8/k3-s2-p1-pool3s2-w32/int8/0.parquet",
]
MEASURED_COLUMNS = {"measure_precisions": "latency_ms"}
BOARD = {"kind": "built", "measurements": "board.csv"}
RUNS: dict[str, dict[str, Any]] = {
    "grid": {
        "supernet": SUPERNET,
        "ranking_quality": {"variants": ["uniform", "full"], "seeds": 2},
        "comparison": {"candidates": 2, "seeds": 2},
        "battery": {"capacity_mwh": 100, "interval_s": 1, "active_mw": 500},
        "devices.board": BOARD,
    },
    "raced": {
        "folds.count": 3,
        "racing": {"first_folds": 2},
        "devices.copied": {"kind": "package", "package": "results/grid/build_predictor/board/fp32"},
        "keep_weights": False,
    },
    "searched": {
        "search": {"strategy": "supernet", "candidates": 1},
        "supernet": SUPERNET,
        "battery": {"capacity_mwh": 100, "interval_s": 1, "active_mw": 500},
        "devices.board": BOARD,
        "report.compared_runs": ["grid"],
    },
    "cells": {
        "search.strategy": "constrained",
        "cell_search": {
            "budgets": {"parameters": [20000]}, "bounds": 2, "seeds": 1, "width": 4, "epochs": 1, "batch": 4,
            "random_networks": 1,
        },
        "keep_weights": False,
    },
    "modelled": {
        "search": {"strategy": "surrogate", "candidates": 3, "round_candidates": 2},
        "grid.space.stride": [1, 2],
        "keep_weights": False,
    },
}  # fmt: skip


def processor() -> str:
    """The kind of processor, as far as it decides how torch rounds."""
    text = Path("/proc/cpuinfo").read_text()
    found = [
        re.search(rf"^{key}\s*:\s*(.+)$", text, re.MULTILINE)
        for key in ("model name", "cpu family", "model", "cache size")
    ]
    facts = [platform.machine(), torch.backends.cpu.get_cpu_capability(), *(match[1] for match in found if match)]
    return ", ".join(facts)


def measure_board(folder: Path, config: Path) -> None:
    """The measurements that a user would make of the exported kernels: a fixed price per byte of each file."""
    snakemake(folder, "results/grid/export_kernels/board/fp32", config=config)
    exported = folder / "results/grid/export_kernels/board/fp32"
    manifest = pd.read_csv(exported / "manifest.csv")
    manifest["latency_ms"] = [0.1 + (exported / name).stat().st_size / 1e6 for name in manifest["file"]]
    manifest[["model", "latency_ms"]].to_csv(folder / "board.csv", index=False)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, field: Path) -> dict[str, dict[str, Any]]:
    """Stage -> run and file -> what it holds."""
    folder = tmp_path_factory.mktemp("golden")
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, changes in RUNS.items():
        config = write_config(folder / f"{name}.yaml", changes | {"run": name})
        if name == "grid":
            (folder / "board.csv").write_text("model,latency_ms\n")
            measure_board(folder, config)
        result = rounds(folder, config)
        assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
        if name == "grid":
            subprocess.run(command(folder, "deploy", *CONVERTED, config=config), check=True, capture_output=True)
    for results in [*(folder / "results" / name for name in RUNS), field / "results" / "field"]:
        for stage in CONTRACTS.keys() - NOT_COMPARED:
            files = [path for path in sorted((results / stage).rglob("*.*")) if path.is_file()]
            for suffix in sorted({path.suffix for path in files}):
                for path in some([path for path in files if path.suffix == suffix]):
                    if description := describe(path):
                        description.pop(MEASURED_COLUMNS.get(stage), None)
                        found[stage][str(path.relative_to(results.parent))] = description
    return found


@pytest.fixture(scope="module")
def recorded(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The record; with EDGEFRONT_RECORD=1 it is made anew."""
    if os.environ.get("EDGEFRONT_RECORD"):
        stages = {name: {"contract": CONTRACTS[name], "results": found[name]} for name in sorted(found) if found[name]}
        write_record({"processor": processor(), "stages": stages})
    return dict(json.loads(RECORD.read_text()))


@pytest.mark.parametrize("stage", sorted(CONTRACTS.keys() - NOT_COMPARED))
def test_a_stage_gives_the_recorded_results(stage: str, found: dict[str, Any], recorded: dict[str, Any]) -> None:
    record = recorded["stages"].get(stage)
    assert record, f"nothing is recorded of {stage}: make golden"
    assert record["contract"] == CONTRACTS[stage], f"the results of {stage} have another meaning now: make golden"
    if recorded["processor"] != processor() and stage not in BEFORE_TRAINING:
        pytest.skip(f"recorded on another kind of processor ({recorded['processor']}), where trainings differ")
    text = "\n".join(list(differences(found[stage], record["results"], TOLERANCE))[:20])
    assert not text, (
        f"{stage} gives other results than recorded. If that is meant, raise CONTRACT in "
        f"workflow_lib/stages/{stage}.py; then: make golden\n{text}"
    )
