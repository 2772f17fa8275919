"""No old result stands in for a failed one: whatever fails, the same command fails again, for the same reason."""

import base64
import json
import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from runs import ROOT, SCENES, ask, assert_same_tables, command, snakemake, write_config

from workflow_lib.config import parse_config
from workflow_lib.core.contracts import CONTRACTS
from workflow_lib.report.report_stamp import Stamp, digest_tables, read_stamp

SCENARIOS = ROOT / "config" / "scenarios"
MORE = {
    "utilization": {"fold": 4},
    "comparison": {},
    "devices": {
        "cortexA76cpu_tflite21": {"kind": "calibrated"},
        "adreno640gpu_tflite21": {"kind": "package"},
        "mine": {"kind": "built"},
        "here": {"kind": "measured"},
    },
}
# What is made of everything else.
LAST = {"build_report", "derive_network", "rank_subnets"}
# Together they have every rule that a plan can show without results: configuration and targets of each.
PLANS: dict[str, tuple[Callable[[Path], Path], list[str]]] = {
    "more": (lambda path: write_config(path, MORE), ["all"]),
    "scenes": (lambda path: write_config(path, SCENES), ["all", "deploy"]),
    "cells": (
        lambda path: Path(shutil.copy(SCENARIOS / "constrained.yaml", path)),
        ["results/constrained/derive_network/5.parquet"],
    ),
    "supernets": (
        lambda path: Path(shutil.copy(SCENARIOS / "supernet_cells.yaml", path)),
        ["results/supernet_cells/rank_subnets/5/full/0/1.parquet"],
    ),
}


def planned(folder: Path, config: Path, targets: list[str]) -> set[str]:
    output = ask(folder, *targets, "--dry-run", config=config)
    return set(re.findall(r"^(\w+) +\d+$", output, re.MULTILINE)) - {"total", "all", "deploy"}


def made_from(folder: Path, config: Path, targets: list[str]) -> dict[str, set[str]]:
    """Rule -> rules that read what any of its jobs makes, directly or through others."""
    dot = ask(folder, *targets, "--rulegraph", "dot", config=config)
    names = dict(re.findall(r'(\d+)\[label = "(\w+)', dot))
    after = defaultdict(set)
    for first, second in re.findall(r"(\d+) -> (\d+)", dot):
        after[names[first]].add(names[second])

    def reach(rule: str) -> set[str]:
        found: set[str] = set()
        waiting = [rule]
        while waiting:
            near = after[waiting.pop()] - found
            waiting += near
            found |= near
        return found

    return {rule: reach(rule) - {"all", "deploy"} for rule in names.values() if rule not in ("all", "deploy")}


def pretend_to_run(folder: Path, config: Path, targets: list[str]) -> dict[str, list[Path]]:
    """Make empty files of all outputs and tell Snakemake that they are finished; rule -> its outputs."""
    outputs = defaultdict(list)
    for row in ask(folder, *targets, "--summary", config=config).splitlines():
        name, _, rule, *_ = [*row.split("\t"), "", ""]
        if rule not in CONTRACTS:
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if "." in path.name or path.name == "SHA256SUMS":
            path.touch()
        else:
            path.mkdir(exist_ok=True)
        outputs[rule].append(path)
    ask(folder, *targets, "--touch", config=config)
    for page in outputs["build_report"][:1]:
        stamp_report(folder, config, page)
    return outputs


def stamp_report(folder: Path, config: Path, page: Path) -> None:
    """Give the report the digests that a run would have given it."""
    name = base64.b64encode(str(page.relative_to(folder)).encode()).decode()
    inputs = json.loads((folder / ".snakemake" / "metadata" / name).read_text())["input"]
    tables = {folder / file for file in inputs if file.endswith(".parquet")}
    page.write_text(Stamp(parse_config(yaml.safe_load(config.read_text())).digest, digest_tables(tables)).markup())


@pytest.mark.parametrize("name", PLANS)
def test_missing_files_are_made_again_with_all_that_depends_on_them(name: str, tmp_path: Path) -> None:
    write, targets = PLANS[name]
    config, folder = write(tmp_path / "config.yaml"), tmp_path / "run"
    folder.mkdir()
    outputs = pretend_to_run(folder, config, targets)
    assert not planned(folder, config, targets)
    for rule, later in made_from(folder, config, targets).items():
        victims = {file: tmp_path / f"aside_{number}" for number, file in enumerate(outputs[rule])}
        for file, aside in victims.items():
            file.rename(aside)
        assert planned(folder, config, targets) >= {rule, *later & LAST}, rule
        for file, aside in victims.items():
            aside.rename(file)


@pytest.fixture
def run_broken(own_run: Path, tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Run everything from a checkout in which a stage's results count as outdated, and the stage itself fails."""

    def run_broken(stage: str) -> subprocess.CompletedProcess[str]:
        checkout = tmp_path / "checkout"
        shutil.rmtree(checkout, ignore_errors=True)
        for part in ("rules", "profiles", "workflow_lib", "envs"):
            shutil.copytree(ROOT / part, checkout / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "Snakefile", checkout)
        file = checkout / "workflow_lib" / "stages" / f"{stage}.py"
        broken = "    from workflow_lib.core.errors import UserError\n\n    raise UserError('made to fail')\n"
        failing = re.sub(r"(def main\(.*\n    \"\"\".*\n)", rf"\g<1>{broken}", file.read_text())
        file.write_text(re.sub(r"^CONTRACT = \d+$", "CONTRACT = 99", failing, flags=re.MULTILINE))
        run = command(own_run, "all", "deploy")
        run[run.index(str(ROOT / "Snakefile"))] = str(checkout / "Snakefile")
        environment = os.environ | {"PYTHONPATH": str(checkout)}
        return subprocess.run(run, capture_output=True, text=True, cwd=checkout, env=environment)

    return run_broken


TINY_STAGES = [
    "generate_chips", "import_chips", "assign_folds", "train_fold", "train_forest", "gather_table", "export_network",
    "detect_kernels", "calibrate_predictor", "predict_latency", "build_candidates", "build_front",
    "assess_predictions", "assess_choices", "score_efficiency", "score_holdout", "plot_figure", "plot_interactive",
    "build_report", "deploy_model",
]  # fmt: skip


@pytest.mark.parametrize("stage", TINY_STAGES)
def test_a_stage_that_fails_after_an_edit_fails_again(
    stage: str, run_broken: Callable[[str], subprocess.CompletedProcess[str]], own_run: Path
) -> None:
    page = own_run / "results" / "tiny" / "build_report" / "report.html"
    before = read_stamp(page)
    for _ in range(2):
        result = run_broken(stage)
        assert result.returncode == 1
        assert f"{stage} failed: made to fail" in result.stderr
    assert not page.exists() or read_stamp(page) == before or stage == "deploy_model"


EDITS: dict[str, tuple[dict[str, Any], str]] = {
    "no GPU": ({"training.device": "cuda"}, "train_fold failed: "),
    "the loss explodes": ({"training.learning_rate": 1e30}, "train_fold failed: config: training: the training loss"),
    "a mistyped package": (
        {"devices.mine": {"kind": "package", "package": "mistyped"}},
        "import_package failed: ",
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_bad_edit_fails_each_time_and_leaves_nothing_when_it_is_taken_back(
    edit: str, run: Path, own_run: Path, tmp_path: Path
) -> None:
    changes, message = EDITS[edit]
    config = write_config(tmp_path / "edited.yaml", changes)
    said = []
    for _ in range(2):
        result = subprocess.run(command(own_run, config=config), capture_output=True, text=True)
        assert result.returncode == 1
        said.append({line for line in result.stderr.splitlines() if " failed: " in line})
    assert said[0] == said[1] != set()
    assert all(line.startswith(message) for line in said[0])
    snakemake(own_run)
    assert_same_tables(run, own_run / "results" / "tiny")


def test_trainings_that_are_all_killed_are_not_forgotten(own_run: Path) -> None:
    for file in (own_run / "results/tiny/train_fold").rglob("*.parquet"):
        file.unlink()
    assert "train_fold" in planned(own_run, ROOT / "tests/e2e/tiny.yaml", ["all"])


def test_a_report_of_another_configuration_is_not_called_up_to_date(own_run: Path) -> None:
    page = own_run / "results" / "tiny" / "build_report" / "report.html"
    page.write_text(page.read_text().replace('edgefront-config" content="', 'edgefront-config" content="0', 1))
    result = subprocess.run(command(own_run), capture_output=True, text=True)
    assert result.returncode == 2
    assert "was made from another configuration" in result.stderr.splitlines()[-1]
    table = own_run / "results" / "tiny" / "build_front" / "ranked.parquet"
    page.write_text(page.read_text().replace('edgefront-config" content="0', 'edgefront-config" content="', 1))
    status = table.stat()
    shutil.copy(own_run / "results" / "tiny" / "build_front" / "front.parquet", table)
    os.utime(table, ns=(status.st_atime_ns, status.st_mtime_ns))
    result = subprocess.run(command(own_run), capture_output=True, text=True)
    assert result.returncode == 2
    assert "was made from other tables" in result.stderr.splitlines()[-1]
