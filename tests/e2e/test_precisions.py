"""Precisions as a dimension of the candidates, from the configuration to the bundle."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from runs import snakemake, write_config

from workflow_lib.core.candidate import Candidate
from workflow_lib.field.bundle import Bundle

RESULTS = Path("results", "tiny")
CHANGES = {
    "grid.precisions": ["fp32", "int8"],
    "grid.calibration_chips": 4,
    "grid.fine_tuning_loss_pct": 0,
    "grid.space.kernel_size": [3],
    "devices": {"here": {"kind": "measured"}, "lite": {"kind": "measured", "runtime": "litert"}},
    "litert": {"precisions": ["fp32", "int8"], "calibration_chips": 8, "fine_tuning_loss_pct": 0},
    # Only the size decides, so an int8 network is recommended.
    "front.objectives": [{"name": "memory_bytes", "direction": "min"}, {"name": "weights_bytes", "direction": "min"}],
}


def changed(before: dict[Path, int], folder: Path) -> set[str]:
    return {path.parts[0] for path, time in times(folder).items() if before.get(path) != time}


def times(folder: Path) -> dict[Path, int]:
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*/*.parquet")}


def test_each_precision_is_a_candidate_with_its_own_results(tmp_path: Path) -> None:
    pytest.importorskip("litert_torch", reason="the LiteRT converter is not installed: make litert")
    config = write_config(tmp_path / "precisions.yaml", CHANGES)
    folder = tmp_path / "run"
    snakemake(folder, "all", "deploy", config=config)
    results = folder / RESULTS
    ranked = pd.read_parquet(results / "build_front" / "ranked.parquet").set_index("candidate")
    assert ranked["precision"].value_counts().to_dict() == {"fp32": 2, "int8": 2}
    small = ranked[~ranked["baseline"]].set_index("precision")
    assert small["memory_bytes"]["int8"] < 0.3 * small["memory_bytes"]["fp32"]
    assert small["weights_bytes"]["int8"] * 4 == small["weights_bytes"]["fp32"]
    for device in ("here", "lite"):
        assert small[f"latency_{device}_ms"]["int8"] != small[f"latency_{device}_ms"]["fp32"]
        assert small[f"file_{device}_bytes"]["int8"] < 0.3 * small[f"file_{device}_bytes"]["fp32"]
    assert (small["flash_bytes"] / small["file_lite_bytes"] - 1).abs().max() < 0.05
    assert small["peak_activation_bytes"]["int8"] * 4 == pytest.approx(small["peak_activation_bytes"]["fp32"], rel=0.01)
    assert small["on_front"].to_dict() == {"fp32": False, "int8": True}

    name = str(ranked.index[ranked["recommended"]][0])
    assert Candidate.parse(name).precision == "int8"
    predictions = pd.read_parquet(results / "gather_table" / "predictions.parquet")
    assert set(predictions["precision"]) == {"fp32", "int8"}
    holdout = pd.read_parquet(results / "score_holdout" / "scores.parquet")
    assert holdout["candidate"].tolist() == [name]
    page = (results / "build_report" / "report.html").read_text()
    assert "It is deployed as int8." in page and "<th>Precision</th>" in page.replace(' scope="col"', "")
    bundle = Bundle.open(results / "deploy_model" / "recommended")
    assert bundle.precision == "int8" and set(bundle.description.models) == {"fp32", "int8"}

    files = pd.read_csv(results / "deploy_litert" / "recommended" / "files.csv").set_index("precision")
    assert files["agreement_pct"]["fp32"] == 100
    assert 0 < files["largest_difference"]["int8"] < files["logit_range"]["int8"]
    assert files["largest_difference"]["fp32"] < 1e-4 * files["logit_range"]["fp32"] + 1e-5
    for precision, size in files["file_bytes"].items():
        assert (results / "deploy_litert" / "recommended" / f"model_{precision}.tflite").stat().st_size == size

    before = times(results)
    wider = {**CHANGES, "grid.precisions": ["fp32", "int8", "fp16"]}
    snakemake(folder, config=write_config(config, wider))
    assert not changed(before, results) & {"train_fold", "export_network"}
    new = {path for path in times(results) if path not in before}
    assert {path.parts[0] for path in new if "fp16" in path.parts} == {"score_converted", "measure_latency"}
    kept = [path for path in before if "int8" in path.parts]
    assert kept and all(times(results)[path] == before[path] for path in kept)
    ranked = pd.read_parquet(results / "build_front" / "ranked.parquet")
    by_network = ranked.groupby("architecture")["memory_bytes"].agg(list).map(np.sort)
    assert all(len(sizes) == 3 for sizes in by_network)
    assert "Nothing to be done" in snakemake(folder, config=config)


def test_networks_of_other_precisions_need_measured_devices(tmp_path: Path) -> None:
    config = write_config(tmp_path / "wrong.yaml", {"grid.precisions": ["fp32", "int8"]})
    with pytest.raises(AssertionError, match="predicts networks in fp32 only"):
        snakemake(tmp_path / "run", "--dry-run", config=config)
