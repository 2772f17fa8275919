"""Tables say what made them."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from workflow_lib.core import provenance
from workflow_lib.core.contracts import CONTRACTS
from workflow_lib.core.provenance import Provenance, combine, read_provenance, table_history
from workflow_lib.data.chip_tables import REJECTED

EXAMPLE = pd.DataFrame({"region": ["a"], "file": ["b"], "reason": ["c"]})


@pytest.fixture(autouse=True)
def nobody() -> Iterator[None]:
    yield
    provenance.begin("no stage", [])


def written(path: Path, stage: str, *arguments: str, reads: Path | None = None) -> Path:
    provenance.begin(stage, arguments)
    if reads:
        REJECTED.read(reads)
    REJECTED.write(EXAMPLE, path)
    return path


def test_a_table_says_what_made_it(tmp_path: Path) -> None:
    record = read_provenance(written(tmp_path / "a.parquet", "train_fold", "--seed=7"))
    assert record is not None
    assert (record.stage, record.contract, record.arguments) == ("train_fold", CONTRACTS["train_fold"], ["--seed=7"])
    assert record.jobs == 1
    assert len(record.hosts) == 1
    assert record.versions[0].startswith("Python 3.")
    assert f"pandas {pd.__version__}" in record.versions[0]
    assert 0 <= record.seconds < 60
    assert record.finished.endswith("+00:00")


def test_outside_a_stage_nobody_made_it(tmp_path: Path) -> None:
    assert read_provenance(written(tmp_path / "a.parquet", "a test")) is None


def test_the_checksum_of_the_data_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "chips.npy").write_bytes(b"abc")
    provenance.begin("import_chips", [])
    provenance.record_data(tmp_path / "chips.npy")
    REJECTED.write(EXAMPLE, tmp_path / "chips.parquet")
    folds = written(tmp_path / "folds.parquet", "assign_folds", reads=tmp_path / "chips.parquet")
    record = read_provenance(written(tmp_path / "scores.parquet", "train_fold", reads=folds))
    assert record is not None
    assert record.data == ["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"]
    assert [read.stage for read in record.read] == ["assign_folds"], "and no further back"


def test_jobs_of_a_stage_are_put_together_and_each_counts_once() -> None:
    jobs = [
        Provenance(
            stage="train_fold", contract=1, arguments=[f"--fold={fold}"], data=["d"], versions=["v"],
            hosts=[f"node{fold % 2}"], seconds=10, finished=f"2026-01-0{fold + 1}T00:00:00+00:00",
        )
        for fold in range(3)
    ]  # fmt: skip
    fold = jobs[0].model_copy(update={"stage": "assign_folds"})
    first, second = combine([*jobs, jobs[1], fold])
    assert first == fold, "in the order of the workflow"
    assert (second.jobs, second.seconds, second.hosts, second.data) == (3, 30, ["node0", "node1"], ["d"])
    assert second.finished == "2026-01-03T00:00:00+00:00"
    assert combine([first, second, second]) == [first, second]


def test_other_contracts_stay_apart() -> None:
    job = Provenance(
        stage="train_fold", contract=1, arguments=[], data=[], versions=[], hosts=[], seconds=1, finished=""
    )
    assert len(combine([job, job.model_copy(update={"contract": 2})])) == 2


def test_what_is_behind_tables_goes_one_step_back(tmp_path: Path) -> None:
    parts = [written(tmp_path / f"{fold}.parquet", "train_fold", f"--fold={fold}") for fold in "01"]
    provenance.begin("gather_table", [])
    for part in parts:
        REJECTED.read(part)
    REJECTED.write(EXAMPLE, tmp_path / "whole.parquet")
    assert [(record.stage, record.jobs) for record in table_history([tmp_path / "whole.parquet"])] == [
        ("train_fold", 2),
        ("gather_table", 1),
    ]
