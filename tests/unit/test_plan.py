"""The plan of a run: counts, reasons, and where an estimate comes from."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from examples import SMALL, fold_scores, network
from snakemake.persistence.db import DbPersistence, MetadataRecordORM
from snakemake.persistence.file import FilePersistence
from sqlmodel import Session

from workflow_lib.config import Config, parse_config
from workflow_lib.export.network_tables import NETWORKS
from workflow_lib.spaces.cross.cross_architecture import Architecture
from workflow_lib.spaces.cross.cross_counts import costs
from workflow_lib.training.score_tables import FOLD_SCORES
from workflow_lib.workflow.job_records import job_records, seconds_by_rule
from workflow_lib.workflow.plan import Estimator, Stage, changed_options, plan, recorded_rates, render
from workflow_lib.workflow.resources import trusted_rate

WILDCARDS = {"channels": "5", "batch": "16", "architecture": SMALL, "fold": "0"}


def config(**values: Any) -> Config:
    bands = ["dem", "red", "green", "blue", "nir"]
    return parse_config(
        {
            "run": "mine",
            "data": {"regions": {"North": [{"folder": "N", "bands": bands}]}, "classes": ["F", "T"]},
            "grid": {"channel_sets": {"5": bands}, "batch_sizes": [16]},
        }
        | values
    )


def test_without_records_a_training_is_estimated_from_its_multiply_adds(tmp_path: Path) -> None:
    seconds, basis = Estimator(config(folds={"count": 2}), 1000, tmp_path, {}).expect("train_fold", WILDCARDS)
    work = costs(Architecture.parse(SMALL), 5, 2, 100).multiply_adds
    assert seconds == pytest.approx(1000 * work * (0.5 * 3 * 5 + 0.5) / trusted_rate(config()))
    assert basis.startswith("assumed")


def test_of_one_split_a_training_learns_from_its_share(tmp_path: Path) -> None:
    split = {"method": "one_split", "count": 3, "validation_share": 0.9}
    seconds, _ = Estimator(config(folds=split), 1000, tmp_path, {}).expect("train_fold", WILDCARDS)
    work = costs(Architecture.parse(SMALL), 5, 2, 100).multiply_adds
    assert seconds == pytest.approx(1000 * work * (0.1 * 3 * 5 + 0.9) / trusted_rate(config()))


def test_recorded_trainings_are_the_basis_of_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "old" / "gather_table"
    scores = fold_scores([90, 80]).assign(training_s=[2.0, 4.0], training_chips=100, loss=[[1.0, 0.5]] * 2)
    FOLD_SCORES.write(scores, folder / "fold_scores.parquet")
    row = network() | {"multiply_adds": 10**9}
    NETWORKS.write(pd.DataFrame([row]), folder / "networks.parquet")
    assert sorted(recorded_rates(tmp_path, on_gpu=False)) == [1e9 * 3 * 2 * 100 / 4, 1e9 * 3 * 2 * 100 / 2]
    assert recorded_rates(tmp_path, on_gpu=True) == []
    assert "2 earlier trainings" in Estimator(config(), 1000, tmp_path, {}).expect("train_fold", WILDCARDS)[1]


def records() -> Iterator[tuple[str, dict[str, Any]]]:
    """Name of an output and its record, of three jobs with two outputs each."""
    for number, seconds in enumerate([1.0, 3.0, 8.0]):
        for output in ("a", "b"):
            log, end = [f"{number}.log"], 100.0 + seconds
            yield f"{number}{output}", {"rule": "export_network", "log": log, "starttime": 100.0, "endtime": end}
    yield "old", {"rule": "export_network", "log": ["old.log"], "starttime": None, "endtime": 1.0}


def recorded_in_files(folder: Path) -> FilePersistence:
    persistence = FilePersistence(path=folder)
    (folder / "metadata").mkdir(exist_ok=True)
    for name, record in records():
        (folder / "metadata" / name).write_text(json.dumps(record))
    (folder / "metadata" / "broken").write_text("{")
    return persistence


def recorded_in_a_database(folder: Path) -> DbPersistence:
    persistence = DbPersistence(path=folder)
    with Session(persistence.engine) as session:
        for name, record in records():
            for namespace in (persistence.namespace, "another folder"):
                session.add(MetadataRecordORM(namespace=namespace, target=name, **record))
        session.commit()
    return persistence


@pytest.mark.parametrize("record", [recorded_in_files, recorded_in_a_database])
def test_recorded_jobs_are_the_basis_of_the_next(tmp_path: Path, record: Callable[[Path], Any]) -> None:
    seconds = seconds_by_rule(job_records(record(tmp_path / ".snakemake")))
    assert sorted(seconds["export_network"]) == [1.0, 3.0, 8.0]
    estimator = Estimator(config(), 10, tmp_path, seconds)
    assert estimator.expect("export_network", WILDCARDS) == (3.0, "3 earlier jobs")


def test_large_files_are_counted(tmp_path: Path) -> None:
    estimator = Estimator(config(keep_weights=True), 10, tmp_path, {})
    parameters = costs(Architecture.parse(SMALL), 5, 2, 100).parameters
    assert estimator.disk_bytes("import_chips", {}) == 10 * 100 * 100 * 7 * 4
    assert estimator.disk_bytes("train_fold", WILDCARDS) == 4 * parameters
    assert estimator.disk_bytes("build_front", {}) == 0


def test_a_changed_option_is_named() -> None:
    before = ["'--contract=1 --epochs=5 --learning-rate=0.001'"]
    now = ["'--contract=1 --epochs=6 --learning-rate=0.001'"]
    assert changed_options(before, now) == ["epochs"]


def _job(rule: str, needed: bool, **why: Any) -> SimpleNamespace:
    reasons = dict.fromkeys(["missing_output", "incomplete_output", "params_changed", "updated_input"])
    reasons |= dict.fromkeys(["input_changed", "updated_input_run"]) | why
    kind, why_it_runs = SimpleNamespace(name=rule), SimpleNamespace(**reasons)
    return SimpleNamespace(rule=kind, is_norun=False, wildcards_dict=WILDCARDS, needed=needed, why=why_it_runs)


def test_the_plan_counts_what_is_done_and_why_the_rest_is_not(tmp_path: Path) -> None:
    change = SimpleNamespace(only_old=["'--epochs=5'"], only_new=["'--epochs=6'"])
    jobs = [
        _job("train_fold", True, missing_output=["x"]),
        _job("train_fold", True, params_changed=change),
        _job("train_fold", False),
        _job("gather_table", True, updated_input_run=["x"]),
    ]
    dag = SimpleNamespace(jobs=jobs, needrun=lambda job: job.needed, reason=lambda job: job.why)
    stages = plan(dag, Estimator(config(), 10, tmp_path, {}))
    assert (stages["train_fold"].jobs, stages["train_fold"].done) == (2, 1)
    assert stages["train_fold"].why == Counter({"not made yet": 1, "changed: epochs": 1})
    assert stages["gather_table"].why == Counter({"input will be updated": 1})


def test_hours_on_a_gpu_are_told_apart() -> None:
    stages = {"train_fold": Stage(jobs=2, seconds=7200.0), "export_network": Stage(jobs=1, seconds=3600.0)}
    order = ["train_fold", "export_network"]
    assert "expected: 1.0 core-hours, 2.0 GPU-hours" in render(stages, order, on_gpu=True)
    assert "expected: 3.0 core-hours, 0.0 GPU-hours" in render(stages, order, on_gpu=False)
