"""What an edit repeats: every row of the table in docs/reruns.md, and nothing else."""

import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from runs import ROOT, TABLE_FILES, TINY, ask, assert_same_tables, command, snakemake, write_config

from workflow_lib.training.score_tables import TRAINING

TABLE = (ROOT / "docs" / "reruns.md").read_text()
ROWS = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", TABLE, re.MULTILINE))
GROUPS = {
    "nothing": set[str](),
    "tables": {
        "gather_table",
        "build_candidates",
        "build_front",
        "assess_predictions",
        "assess_choices",
        "score_efficiency",
    },
    "results": {"score_holdout", "plot_figure", "plot_interactive", "build_report"},
}
TRAININGS = 6  # 2 networks and the baseline, 2 folds
NEW_SET = {"grid.channel_sets": {"6": ["dem", "red", "green", "blue", "nir", "ndvi"], "3": ["red", "green", "blue"]}}

# A row of the table -> changes of the config, and how many trainings run.
CONFIG_EDITS: dict[str, tuple[dict[str, Any], int]] = {
    "add a value to `grid.space`": ({"grid.space.initial_output_feature": [32, 48]}, 4),
    "add a channel set": (NEW_SET, TRAININGS),
    "add a batch size": ({"grid.batch_sizes": [8, 16]}, TRAININGS),
    "add a device": ({"devices.adreno640gpu_tflite21": {"kind": "calibrated"}}, 0),
    "change `folds.count`": ({"folds.count": 3}, 9),
    "change `training`, such as `epochs`": ({"training.epochs": 2}, TRAININGS),
    "change `seed`": ({"seed": 8}, TRAININGS),
    "change `front.objectives`": (
        {"front.objectives": [{"name": n, "direction": "min"} for n in ("latency_worst_ms", "memory_bytes")]},
        0,
    ),
    "change `efficiency`, such as `returns`": ({"efficiency.returns": "constant"}, 0),
    "turn `utilization` on": ({"utilization": {"fold": 4}}, 0),
    "turn `comparison` on": ({"comparison": {}}, 0),
    "change `report.dpi`": ({"report.dpi": 100}, 0),
    "turn `report.pdf_figures` on": ({"report.pdf_figures": True}, 0),
    "change `report.title`": ({"report.title": "Another"}, 0),
    "change `grid.allow_missing`": ({"grid.allow_missing": True}, 0),
    "change `execution`": ({"execution.warm_worker": False, "execution.folds_together": "always"}, 0),
    "remove a value, a device, a channel set": ({"grid.space.kernel_size": [3]}, 0),
}
OTHER_EDITS = {
    "comment or reformat the config",
    "comment or reformat rules or code",
    "raise the contract of `predict_latency`",
    "turn `racing` on or off",
    "turn `keep_weights` on",
    "touch a raster",
    "change a raster",
    "edit a predictor package",
}


def documented(row: str) -> set[str]:
    """The rules that the table names."""
    names = re.findall(r"`(\w+)`|\b(nothing|tables|results)\b", ROWS[row])
    return set().union(*(GROUPS.get(group, {rule}) for rule, group in names))


def planned(folder: Path, *targets: str, config: Path = TINY) -> Counter[str]:
    """Jobs per rule of a dry run; of a target that is up to date, none."""
    return jobs_in(ask(folder, *targets, "--dry-run", config=config))


def jobs_in(output: str) -> Counter[str]:
    table = re.findall(r"^(\w+) +(\d+)$", output, re.MULTILINE)
    return Counter({rule: int(count) for rule, count in table if rule not in ("total", "all")})


def test_every_row_of_the_table_is_tested() -> None:
    tested = CONFIG_EDITS.keys() | OTHER_EDITS
    assert set(ROWS) - {"edit", "---"} == tested


@pytest.mark.parametrize("row", CONFIG_EDITS)
def test_an_edit_of_the_config_repeats_what_the_table_says(row: str, run: Path, tmp_path: Path) -> None:
    changes, trainings = CONFIG_EDITS[row]
    jobs = planned(run.parents[1], config=write_config(tmp_path / "edited.yaml", changes))
    assert set(jobs) == documented(row)
    assert jobs["train_fold"] == trainings


def test_comments_and_format_of_the_config_repeat_nothing(run: Path, tmp_path: Path) -> None:
    values = yaml.safe_load(TINY.read_text())
    text = "# a comment\n" + yaml.safe_dump(dict(reversed(values.items())), default_flow_style=True, width=40)
    (tmp_path / "reformatted.yaml").write_text(text)
    jobs = planned(run.parents[1], config=tmp_path / "reformatted.yaml")
    assert set(jobs) == documented("comment or reformat the config") == set()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the workflow, to edit."""
    folder = tmp_path / "checkout"
    for part in ("rules", "profiles", "workflow_lib", "envs"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", folder)
    return folder


def in_checkout(checkout: Path, run: Path) -> list[str]:
    ours, theirs = str(ROOT / "Snakefile"), str(checkout / "Snakefile")
    return [theirs if part == ours else part for part in command(run.parents[1])]


def test_comments_and_format_of_rules_and_code_repeat_nothing(run: Path, checkout: Path) -> None:
    for file in [*checkout.glob("rules/**/*.smk"), *checkout.glob("workflow_lib/**/*.py")]:
        file.write_text(file.read_text().rstrip("\n") + "\n\n# a comment\n")
    result = subprocess.run([*in_checkout(checkout, run), "--dry-run"], capture_output=True, text=True, check=True)
    assert set(jobs_in(result.stdout)) == documented("comment or reformat rules or code") == set()


def test_a_raised_contract_repeats_its_stage(run: Path, checkout: Path) -> None:
    stage = checkout / "workflow_lib" / "stages" / "predict_latency.py"
    stage.write_text(re.sub(r"^CONTRACT = \d+$", "CONTRACT = 99", stage.read_text(), flags=re.MULTILINE))
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    result = subprocess.run(
        [*in_checkout(checkout, run), "--dry-run"], capture_output=True, text=True, cwd=checkout, env=environment
    )
    assert set(jobs_in(result.stdout)) == documented("raise the contract of `predict_latency`")


def test_rasters(run: Path, tmp_path: Path) -> None:
    """The run's own chips, as if they were a user's."""
    shutil.copytree(run / "generate_chips" / "chips", tmp_path / "chips")
    config = write_config(tmp_path / "real.yaml", {"data.generate": None, "data.root": "chips"})
    target = "results/tiny/train_fold/6/8/k3-s2-p1-pool3s2-w32/0.parquet"
    snakemake(tmp_path, target, config=config)
    raster = next((tmp_path / "chips").rglob("*.tif"))
    os.utime(raster)
    assert set(planned(tmp_path, target, config=config)) == documented("touch a raster") == set()
    raster.write_bytes(raster.read_bytes()[:-1] + b"\0")
    jobs = planned(tmp_path, target, config=config)
    assert set(jobs) == documented("change a raster") - GROUPS["tables"] - GROUPS["results"] - {"train_forest"}


def test_weights_are_kept_once_that_is_turned_on(own_run: Path) -> None:
    for file in (own_run / "results/tiny/train_fold").rglob("*.pt"):
        file.unlink()
    jobs = planned(own_run)
    assert set(jobs) == documented("turn `keep_weights` on")
    assert jobs["train_fold"] == TRAININGS


def test_an_edited_predictor_package(own_run: Path, tmp_path: Path, shared: Path) -> None:
    package = shutil.copytree(shared / "data" / "nn_meter" / "k8_cpu", tmp_path / "package")
    config = write_config(
        tmp_path / "package.yaml", {"devices.k8_cpu": {"kind": "package", "package": str(package), "unit": "us"}}
    )
    snakemake(own_run, "all", config=config)
    with (package / "meta.yaml").open("a") as meta:
        meta.write("\n# edited\n")
    jobs = planned(own_run, config=config)
    assert set(jobs) == documented("edit a predictor package")
    assert jobs["predict_latency"] == 3, "of this device alone"


def test_racing_turned_on_and_off(tmp_path: Path) -> None:
    """A race among those who are trained already repeats no training; without it, whom it stopped is trained on."""
    off = write_config(tmp_path / "off.yaml", {"folds.count": 3})
    on = write_config(tmp_path / "on.yaml", {"folds.count": 3, "racing.first_folds": 2, "racing.confidence": 0.6})
    slower, results = "k5-s2-p1-pool3s2-w32", tmp_path / "results" / "tiny"
    snakemake(tmp_path, "results/tiny/gather_table/fold_scores.parquet", config=off)
    for part in (results / "train_fold" / "6" / "8" / slower).glob("*.parquet"):
        TRAINING.write(TRAINING.read(part).assign(accuracy_pct=1.0), part)
    snakemake(tmp_path, "all", config=off)
    assert set(planned(tmp_path, config=on)) == documented("turn `racing` on or off")
    snakemake(tmp_path, "all", config=on)
    stopped = pd.read_parquet(results / "race_folds/2.parquet")
    assert stopped[["architecture", "after_folds"]].values.tolist() == [[slower, 2]]
    scores = pd.read_parquet(results / "gather_table/fold_scores.parquet")
    assert scores["architecture"].value_counts()[slower] == 2
    assert slower not in set(pd.read_parquet(results / "build_candidates/candidates.parquet")["architecture"])
    assert "Racing stopped 1 candidates" in (results / "build_report/report.html").read_text()
    (results / f"train_fold/6/8/{slower}/2.parquet").unlink()  # as it would be, had the race been from the start
    assert "Nothing to be done" in snakemake(tmp_path, "all", config=on)
    jobs = planned(tmp_path, config=off)
    assert jobs["train_fold"] == 1
    assert set(jobs) == documented("turn `racing` on or off") - {"race_folds"} | {"train_fold"}


def test_nothing_stale_is_kept_and_old_rows_leak_nowhere(own_run: Path, tmp_path: Path) -> None:
    """A smaller grid in the folder of a larger one gives the tables of the smaller one alone."""
    smaller = {"grid.space.kernel_size": [3], "devices": {"cortexA76cpu_tflite21": {"kind": "calibrated"}}}
    config = write_config(tmp_path / "smaller.yaml", smaller)
    snakemake(own_run, *TABLE_FILES, config=config)
    snakemake(tmp_path / "fresh", *TABLE_FILES, config=config)
    assert_same_tables(own_run / "results" / "tiny", tmp_path / "fresh" / "results" / "tiny")
    scores = pd.read_parquet(own_run / "results/tiny/gather_table/fold_scores.parquet")
    assert set(scores["architecture"]) == {"k3-s2-p1-pool3s2-w32", "k7-s2-p3-pool3s2-w64"}
