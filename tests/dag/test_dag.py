"""What a dry run of each scenario plans: read as JSON, without running anything."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted((ROOT / "config" / "scenarios").glob("*.yaml"))


def snakemake(*arguments: str) -> subprocess.CompletedProcess[str]:
    # The lock of a run in the same folder must not stop a dry run, and a test must leave no trace.
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})


def planned(scenario: Path, *arguments: str) -> Counter[str]:
    """Jobs per rule of the whole graph, whatever lies in results/ already."""
    result = snakemake(*arguments, "--forceall", "--d3dag", "--configfile", str(scenario))
    assert result.returncode == 0, result.stderr[-2000:]
    graph: dict[str, Any] = json.loads(result.stdout[result.stdout.index("{") :])
    return Counter(node["value"]["label"] for node in graph["nodes"])


def test_the_paper_grid_is_5430_trainings_and_1448_latencies() -> None:
    jobs = planned(ROOT / "config" / "scenarios" / "paper.yaml")
    assert jobs["train_fold"] == 6 * 181 * 5 == 5430
    assert jobs["predict_latency"] == 2 * 181 * 4
    assert jobs["export_network"] == jobs["detect_kernels"] == 2 * 181


def test_folds_together_are_one_job_per_candidate(tmp_path: Path) -> None:
    config = yaml.safe_load((ROOT / "config" / "scenarios" / "paper.yaml").read_text())
    config["training"]["device"] = "cuda"
    path = tmp_path / "cuda.yaml"
    path.write_text(yaml.safe_dump(config))
    assert planned(path)["train_fold"] == 6 * 181
    path.write_text(yaml.safe_dump(config | {"execution": {"folds_together": "never"}}))
    assert planned(path)["train_fold"] == 5430


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_plans_a_front_and_a_report(scenario: Path) -> None:
    if "search" in yaml.safe_load(scenario.read_text()):
        # What a search trains is known when it has proposed.
        jobs = planned(scenario, f"results/{scenario.stem}/propose_candidates/0.parquet")
        assert jobs["propose_candidates"] == 1
        assert jobs["import_chips"] or jobs["export_network"] or jobs["price_operations"]
        return
    jobs = planned(scenario)
    assert jobs["build_front"] == jobs["build_report"] == jobs["import_chips"] == 1


@pytest.mark.parametrize("space", ["darts", "mobilenet"])
def test_supernets_of_priced_networks_need_no_network_before_they_propose(space: str, tmp_path: Path) -> None:
    config = yaml.safe_load((ROOT / "config" / "scenarios" / "supernet_cells.yaml").read_text())
    config["supernet"] |= {"space": space}
    path = tmp_path / "space.yaml"
    path.write_text(yaml.safe_dump(config))
    jobs = planned(path, "results/supernet_cells/propose_candidates/0.parquet")
    assert jobs["price_operations"] == len(config["devices"])
    assert jobs["rank_subnets"] == 2
    assert jobs["export_network"] == jobs["train_fold"] == 0


def test_the_hold_out_is_scored_when_the_config_asks_for_one() -> None:
    assert planned(ROOT / "config" / "scenarios" / "holdout.yaml")["score_holdout"] == 1
    assert planned(ROOT / "config" / "scenarios" / "demo.yaml")["score_holdout"] == 0


def test_the_default_config_is_used_when_none_is_named() -> None:
    result = snakemake("--dry-run", "--quiet", "rules")
    assert result.returncode == 0, result.stderr[-2000:]
    assert "build_report" in result.stdout + result.stderr


def test_a_typo_in_the_config_is_one_line_that_names_the_key() -> None:
    result = snakemake("--dry-run", "--configfile", "config/scenarios/demo.yaml", "--config", "sed=3")
    assert result.returncode == 2
    lines = [line for line in result.stderr.splitlines() if "sed" in line]
    assert lines == ["error: config: sed: unknown key; see config/README.md"]
    assert "Traceback" not in result.stderr


def test_a_plan_is_printed_instead_of_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEFRONT_PLAN", "1")
    result = snakemake("--dry-run", "--quiet", "rules", "--configfile", "config/scenarios/paper.yaml")
    assert result.returncode == 0, result.stderr[-2000:]
    lines = {line.split()[0]: line.split() for line in result.stdout.splitlines() if line.strip()}
    assert lines["train_fold"][1:3] == ["5430", "0"]
    assert lines["expected:"][2].startswith("core-hours")
