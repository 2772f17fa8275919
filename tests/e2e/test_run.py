"""A whole run as a user starts it, on the smallest config that does everything."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import rasterio
import torch
from runs import TABLE_FILES, assert_same_tables, snakemake, write_config


def test_a_second_run_has_nothing_to_do(own_run: Path) -> None:
    assert "Nothing to be done" in snakemake(own_run, "all", "deploy")


def test_the_same_seed_gives_the_same_tables(run: Path, tmp_path: Path) -> None:
    snakemake(tmp_path, *TABLE_FILES)
    assert_same_tables(run, tmp_path / "results" / "tiny")


def test_folds_together_give_the_same_tables(run: Path, own_run: Path, tmp_path: Path) -> None:
    results = own_run / "results" / "tiny"
    shutil.rmtree(results / "train_fold")
    (results / "gather_table" / "fold_scores.parquet").unlink()
    config = write_config(tmp_path / "together.yaml", {"execution.folds_together": "always"})
    snakemake(own_run, *TABLE_FILES, config=config)
    assert len(list((results / "logs" / "train_fold").rglob("folds.log"))) == 3
    assert_same_tables(run, results)
    assert len(list((results / "train_fold").rglob("*.pt"))) == 6


def test_the_front_is_part_of_the_candidates_and_without_the_baseline(run: Path) -> None:
    front, candidates = (
        pd.read_parquet(run / path) for path in ["build_front/front.parquet", "build_candidates/candidates.parquet"]
    )
    assert len(candidates) == 3
    assert set(front["candidate"]) < set(candidates["candidate"])
    assert not front["baseline"].any()
    assert front["recommended"].sum() == 1


def test_the_report_names_the_recommended_model_and_loads_nothing(run: Path) -> None:
    page = (run / "build_report/report.html").read_text()
    front = pd.read_parquet(run / "build_front/front.parquet")
    assert front.loc[front["recommended"], "architecture"].item() in page
    assert "calibrated" in page
    assert 'src="http' not in page
    assert 'href="http' not in page


def test_the_weights_are_kept_when_the_config_says_so(run: Path) -> None:
    weights = torch.load(run / "train_fold/6/8/k3-s2-p1-pool3s2-w32/0.pt", weights_only=True)
    assert weights["conv1.weight"].shape == (32, 6, 3, 3)


def classify_raw_chip(bundle: Path, dem: Path, aerial: Path) -> np.ndarray:
    """What a device does: rasters in, probabilities out, with the bundle and onnxruntime alone."""
    description = json.loads((bundle / "bundle.json").read_text())
    with rasterio.open(dem) as first, rasterio.open(aerial) as second:
        bands = dict(zip(["dem", "red", "green", "blue", "nir"], [*first.read(), *second.read()], strict=True))
    bands = {name: band.astype(np.float32) for name, band in bands.items()}
    planes = []
    for channel in description["input"]["channels"]:
        if channel in description["indices"]:
            formula = description["indices"][channel]["formula"]
            planes.append(eval(formula, {"__builtins__": {}}, bands))
        else:
            planes.append(bands[channel])
    normalisation = description["normalisation"]
    assert normalisation["method"] == "per_dataset"
    mean, deviation = (np.array(normalisation[name], dtype=np.float32) for name in ("mean", "deviation"))
    pixels = ((np.stack(planes, -1) - mean) / deviation).transpose(2, 0, 1)[None]
    session = onnxruntime.InferenceSession(bundle / "model.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {session.get_inputs()[0].name: pixels})
    return np.exp(logits[0]) / np.exp(logits[0]).sum()


def test_the_deployed_folder_alone_classifies_raw_chips(run: Path) -> None:
    bundle = run / "deploy_model/recommended"
    chips = run / "generate_chips/chips/Nebraska"
    dem = sorted((chips / "DEM/T").iterdir())[0]
    probabilities = classify_raw_chip(bundle, dem, chips / "Aer/T" / dem.name)
    assert probabilities.shape == (2,)
    assert probabilities.sum() == pytest.approx(1)
    front = pd.read_parquet(run / "build_front/front.parquet").query("recommended").iloc[0]
    assert (bundle / "model.onnx").stat().st_size == front["memory_bytes"], "memory_bytes is the deployed file's size"
    assert front["candidate"] in (bundle / "model_card.md").read_text()


def test_onnx_runtime_alone_reproduces_the_accuracy_on_the_held_out_chips(run: Path) -> None:
    """From the raw rasters, with the file that score_holdout writes and nothing of this project."""
    session = onnxruntime.InferenceSession(run / "score_holdout/standalone.onnx", providers=["CPUExecutionProvider"])
    told = {key: json.loads(text) for key, text in session.get_modelmeta().custom_metadata_map.items()}
    assert told["bands"] == ["dem", "red", "green", "blue", "nir"] and told["classes"] == ["F", "T"]
    right = []
    for dem in sorted((run / "generate_chips/chips/California/DEM").rglob("*.tif")):
        aerial = dem.parents[2] / "Aer" / dem.parent.name / dem.name
        with rasterio.open(dem) as first, rasterio.open(aerial) as second:
            raw = np.concatenate([first.read(), second.read()]).astype(np.float32)
        (probabilities,) = session.run(None, {"bands": raw[None]})
        right.append(told["classes"][probabilities[0].argmax()] == dem.parent.name)
    scores = pd.read_parquet(run / "score_holdout/scores.parquet").set_index("candidate")
    assert len(right) == 16
    assert 100 * np.mean(right) == scores.loc[told["candidate"], "accuracy_pct"] == told["holdout_accuracy_pct"]


def test_a_predictor_package_prices_the_networks(own_run: Path, tmp_path: Path, shared: Path) -> None:
    package = {"kind": "package", "package": str(shared / "data" / "nn_meter" / "k8_cpu"), "unit": "us"}
    path = write_config(tmp_path / "package.yaml", {"devices.k8_cpu": package})
    snakemake(own_run, "results/tiny/gather_table/latencies.parquet", config=path)
    latencies = pd.read_parquet(own_run / "results/tiny/gather_table/latencies.parquet")
    priced = latencies[latencies["device"] == "k8_cpu"]
    assert len(priced) == 3
    assert (priced["predictor"] == "package").all()
    assert (priced["covered_kernels"] == priced["kernels"]).all()
    assert priced["latency_ms"].between(1, 1000).all()


def test_an_energy_package_adds_an_objective(own_run: Path, tmp_path: Path, shared: Path) -> None:
    """A real package of latencies, taken for one of energies: what matters is where its numbers go."""
    package = {"kind": "package", "package": str(shared / "data" / "nn_meter" / "k8_cpu"), "unit": "mJ"}
    objectives = [{"name": "accuracy_pct", "direction": "max"}, {"name": "energy_mean_mj", "direction": "min"}]
    path = write_config(tmp_path / "energy.yaml", {"devices.meter": package, "front": {"objectives": objectives}})
    snakemake(own_run, "all", config=path)
    front = pd.read_parquet(own_run / "results/tiny/build_front/front.parquet")
    assert (front["energy_mean_mj"] == front["energy_meter_mj"]).all()
    assert (front["energy_mean_mj"] > 1).all()
    assert front["latency_mean_ms"].tolist() == pytest.approx(
        front[["latency_cortexA76cpu_tflite21_ms", "latency_myriadvpu_openvino2019r2_ms"]].mean(axis=1).tolist()
    )
    assert "Energy, mean over devices" in (own_run / "results/tiny/build_report/report.html").read_text()


def test_the_host_is_a_device(own_run: Path, tmp_path: Path) -> None:
    """A predictor built here, direct measurement, and the predictor rebuilt from what was measured."""
    here = {
        "devices.here": {"kind": "built", "sample_kernels": 10, "sample_networks": 3},
        "devices.direct": {"kind": "measured"},
    }
    path = write_config(tmp_path / "host.yaml", here)
    snakemake(own_run, "all", config=path)
    measured = own_run / "results/tiny/build_predictor/here/fp32.measured.csv"
    board = tmp_path / "board.csv"
    board.write_bytes(measured.read_bytes())
    again = {
        "devices.board": {"kind": "built", "measurements": str(board)},
        "devices.copied": {"kind": "package", "package": str(own_run / "results/tiny/build_predictor/here/fp32")},
    }
    write_config(path, here | again)
    targets = ["results/tiny/export_kernels/board/fp32", "results/tiny/gather_table/latencies.parquet"]
    snakemake(own_run, *targets, config=path)
    latencies = pd.read_parquet(own_run / "results/tiny/gather_table/latencies.parquet").set_index("device")
    assert latencies.loc["board", "latency_ms"].tolist() == latencies.loc["here", "latency_ms"].tolist()
    assert latencies.loc["copied", "latency_ms"].tolist() == latencies.loc["here", "latency_ms"].tolist()
    assert (latencies.loc["direct", "runs"] >= 24).all()
    assert (latencies.loc["direct", "latency_run_std_ms"] >= 0).all()
    manifest = pd.read_csv(own_run / "results/tiny/export_kernels/board/fp32/manifest.csv")
    assert set(pd.read_csv(measured)["model"]) <= set(manifest["model"]), "200 kernels are all of them"
    for name in manifest["file"]:
        onnxruntime.InferenceSession(own_run / "results/tiny/export_kernels/board/fp32" / name)
    assert (own_run / "results/tiny/plot_figure/predictor_validation.png").exists()


def test_utilization_and_strategies_are_compared(own_run: Path, tmp_path: Path) -> None:
    parts = {
        "utilization": {"fold": 4},
        "comparison": {"candidates": 2, "seeds": 2},
        "folds.holdout": {"method": "none"},
    }
    snakemake(own_run, "all", config=write_config(tmp_path / "parts.yaml", parts))
    results = own_run / "results/tiny"
    measured = pd.read_parquet(results / "gather_table/utilizations.parquet")
    assert measured["architecture"].str.endswith("-f4").sum() == 3
    assert (measured["utilization_pct"] > 0).all()
    comparison = pd.read_parquet(results / "compare_strategies/comparison.parquet")
    assert comparison.groupby("strategy")["recall_pct"].max().loc["random"] == 100, "it may train all there are"
    page = (results / "build_report/report.html").read_text()
    for figure in ("utilization_fronts", "utilization_folded", "comparison_progress", "comparison_fronts"):
        assert f'id="figure-{figure}"' in page


def test_snakemake_s_own_report_works(own_run: Path) -> None:
    snakemake(own_run, "all", "--report", "overview.zip")
    assert (own_run / "overview.zip").stat().st_size > 100_000
