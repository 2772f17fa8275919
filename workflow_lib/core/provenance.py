"""What made a table: stage, contract, arguments, data, package versions, host and seconds, in the table's own metadata.

python -m workflow_lib.core.provenance FILE.parquet shows it.
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
"""Where a Parquet file's metadata holds it."""

_PACKAGES = (
    "numpy", "scipy", "pandas", "pyarrow", "rasterio", "torch", "onnx", "onnxruntime", "scikit-learn", "moocore",
    "nn-meter", "snakemake",
)  # fmt: skip


class Provenance(BaseModel):
    """What made a table, or the tables of many jobs of one stage.

    Args:
        stage: the stage's name.
        contract: the contract version of its code.
        arguments: its command line, with all of the config that it depends on; empty for several jobs.
        data: SHA-256 of the chip arrays behind it, as it read them in tables; empty where it needs no chips.
        versions: of Python and of the packages that results come from, one line for each environment.
        hosts: where it ran.
        seconds: from its start to this table, of all jobs together.
        finished: when the last was written (UTC).
        jobs: how many.
        read: what made the tables that it read, without what those had read.
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
    """Tables that this process writes from now on are this stage's; of a name that is no stage's, nobody's."""
    global _job
    _job = _Job(stage, arguments) if stage in CONTRACTS else None


def note_data(file: Path) -> None:
    """Say that what is written from now on comes from this file; those who read it inherit its checksum."""
    if _job:
        _job.data.add(sha256(file))


def note_read(metadata: dict[bytes, bytes] | None) -> None:
    """Say that what is written from now on comes from the table with this metadata."""
    if _job and (record := _parse(metadata)):
        _job.read.append(record.model_copy(update={"read": []}))
        _job.data.update(record.data)


def stamp() -> dict[str, str]:
    """Metadata for a table that is written now; none outside a stage."""
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


def of_table(path: Path) -> Provenance | None:
    """What made a Parquet file; None if it does not say."""
    return _parse(read_sealed(path).schema.metadata)


def behind(paths: Iterable[Path]) -> list[Provenance]:
    """What made these tables and those that they were made from, put together as by `combine`."""
    records = [record for path in paths if (record := of_table(path))]
    return combine([*records, *(read for record in records for read in record.read)])


def combine(records: Iterable[Provenance]) -> list[Provenance]:
    """Put the jobs of each stage and contract together.

    Args:
        records: of tables; several tables of one job count once.

    Returns:
        One record per stage and contract, in the order of the workflow.
    """
    jobs = {_identity(record): record for record in records}
    groups: dict[tuple[str, int], list[Provenance]] = {}
    for record in jobs.values():
        groups.setdefault((record.stage, record.contract), []).append(record)
    order = {stage: place for place, stage in enumerate(CONTRACTS)}
    keys = sorted(groups, key=lambda key: (order.get(key[0], len(order)), *key))
    return [_sum(groups[key]) for key in keys]


def _identity(record: Provenance) -> Hashable:
    return (record.stage, *record.arguments) if record.arguments else record.model_dump_json()


def _sum(records: Sequence[Provenance]) -> Provenance:
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
    """Of Python and the packages that results come from, as far as they are installed here."""
    found = {distribution.name: distribution.version for distribution in map(_distribution, _PACKAGES) if distribution}
    packages = [f"{name} {version}" for name, version in found.items()]
    return ", ".join([f"Python {platform.python_version()}", *packages])


def _distribution(name: str) -> importlib.metadata.Distribution | None:
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.distribution(name)
    return None


if __name__ == "__main__":
    for file in map(Path, sys.argv[1:]):
        record = of_table(file)
        print(record.model_dump_json(indent=2) if record else f"{file}: made by no stage")
