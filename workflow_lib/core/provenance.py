"""Provenance of a table, stored in its metadata: stage, contract, arguments, data, versions, host and run time.

`python -m workflow_lib.core.provenance FILE.parquet` shows it.
"""

import importlib.metadata
import platform
import sys
import time
from collections.abc import Hashable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from workflow_lib.core.contracts import CONTRACTS
from workflow_lib.core.files import sha256
from workflow_lib.core.parquet import read_sealed

KEY = "provenance"
"""Key of the provenance in the metadata of a Parquet file."""

_PACKAGES = (
    "numpy", "scipy", "pandas", "pyarrow", "rasterio", "torch", "onnx", "onnxruntime", "scikit-learn", "moocore",
    "nn-meter", "optuna", "snakemake",
)  # fmt: skip


class Provenance(BaseModel):
    """Provenance of one table, or of the tables that many jobs of one stage wrote.

    Args:
        stage: name of the stage.
        contract: contract version of the stage's code.
        arguments: command line of the job, with all configuration that it depends on; empty for several jobs.
        data: SHA-256 checksums of the chip arrays that the results derive from; empty if no chips were used.
        versions: versions of Python and of the packages that affect results, one line per environment.
        hosts: hosts on which the jobs ran.
        seconds: time from a job's start until it wrote the table, summed over all jobs.
        finished: time when the last table was written (UTC).
        jobs: number of jobs.
        read: provenance of the tables that the jobs read, one level deep.
    """

    model_config = ConfigDict(frozen=True)

    stage: str
    contract: int
    arguments: list[str]
    data: list[str]
    versions: list[str]
    hosts: list[str]
    seconds: float
    finished: str
    jobs: int = 1
    read: list["Provenance"] = []


class _Job:
    """The stage that runs in this process."""

    def __init__(self, stage: str, arguments: Sequence[str]) -> None:
        self.stage, self.arguments = stage, list(arguments)
        self.start = time.perf_counter()
        self.read: list[Provenance] = []
        self.data: set[str] = set()


_job: _Job | None = None


def begin(stage: str, arguments: Sequence[str]) -> None:
    """Attribute all tables that this process writes from now on to a stage.

    Args:
        stage: name of the stage; any other name turns provenance off.
        arguments: its command line, without the program name.
    """
    global _job
    _job = _Job(stage, arguments) if stage in CONTRACTS else None


def record_data(file: Path) -> None:
    """Record that tables written from now on derive from this file; tables derived from those inherit its checksum."""
    if _job:
        _job.data.add(sha256(file))


def record_read(metadata: dict[bytes, bytes] | None) -> None:
    """Record that tables written from now on derive from the table with this metadata."""
    if _job and (record := _parse(metadata)):
        _job.read.append(record.model_copy(update={"read": []}))
        _job.data.update(record.data)


def stamp() -> dict[str, str]:
    """Return the metadata entry for a table that is written now; empty outside a stage."""
    if _job is None:
        return {}
    record = Provenance(
        stage=_job.stage,
        contract=CONTRACTS[_job.stage],
        arguments=_job.arguments,
        data=sorted(_job.data),
        versions=[_versions()],
        hosts=[platform.node()],
        seconds=round(time.perf_counter() - _job.start, 3),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        read=combine(_job.read),
    )
    return {KEY: record.model_dump_json()}


def read_provenance(path: Path) -> Provenance | None:
    """Read the provenance of a Parquet file; None if it has none."""
    return _parse(read_sealed(path).schema.metadata)


def table_history(paths: Iterable[Path]) -> list[Provenance]:
    """Return the provenance of these tables and of the tables they were made from, merged as by `combine`."""
    records = [record for path in paths if (record := read_provenance(path))]
    return combine([*records, *(read for record in records for read in record.read)])


def combine(records: Iterable[Provenance]) -> list[Provenance]:
    """Merge the records of each stage and contract.

    Args:
        records: provenance of tables; several tables of one job count once.

    Returns:
        One record per stage and contract, in the order of the workflow.
    """
    jobs = {_identity(record): record for record in records}
    groups: dict[tuple[str, int], list[Provenance]] = {}
    for record in jobs.values():
        groups.setdefault((record.stage, record.contract), []).append(record)
    order = {stage: place for place, stage in enumerate(CONTRACTS)}
    keys = sorted(groups, key=lambda key: (order.get(key[0], len(order)), *key))
    return [_merge(groups[key]) for key in keys]


def _identity(record: Provenance) -> Hashable:
    return (record.stage, *record.arguments) if record.arguments else record.model_dump_json()


def _merge(records: Sequence[Provenance]) -> Provenance:
    if len(records) == 1:
        return records[0]
    merged: dict[str, Any] = {
        name: sorted({value for record in records for value in getattr(record, name)})
        for name in ("data", "versions", "hosts")
    }
    return Provenance(
        stage=records[0].stage,
        contract=records[0].contract,
        arguments=[],
        seconds=sum(record.seconds for record in records),
        finished=max(record.finished for record in records),
        jobs=sum(record.jobs for record in records),
        **merged,
    )


def _parse(metadata: dict[bytes, bytes] | None) -> Provenance | None:
    text = (metadata or {}).get(KEY.encode())
    return Provenance.model_validate_json(text) if text else None


@cache
def _versions() -> str:
    """List the versions of Python and of the installed packages that affect results."""
    found = {distribution.name: distribution.version for distribution in map(_distribution, _PACKAGES) if distribution}
    packages = [f"{name} {version}" for name, version in found.items()]
    return ", ".join([f"Python {platform.python_version()}", *packages])


def _distribution(name: str) -> importlib.metadata.Distribution | None:
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.distribution(name)
    return None


if __name__ == "__main__":
    for file in map(Path, sys.argv[1:]):
        record = read_provenance(file)
        print(record.model_dump_json(indent=2) if record else f"{file}: no provenance (not written by a stage)")
