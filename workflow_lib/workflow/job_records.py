"""How long jobs took, as Snakemake recorded it, in files or in a database (`--persistence-backend db`)."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any


def job_records(persistence: Any) -> Iterator[Mapping[str, Any]]:
    """Yield Snakemake's records of all outputs in a folder, whatever run they belong to.

    Args:
        persistence: Snakemake's persistence of the folder.

    Yields:
        At least rule, log, starttime and endtime (seconds).
    """
    if hasattr(persistence, "engine"):
        yield from _records_of_database(persistence)
        return
    for file in Path(persistence.path, "metadata").glob("*"):
        try:
            record = json.loads(file.read_text())
        except (OSError, ValueError):  # incomplete
            continue
        if isinstance(record, dict):
            yield record


def _records_of_database(persistence: Any) -> Iterator[Mapping[str, Any]]:
    from snakemake.persistence.db import MetadataRecordORM
    from sqlmodel import Session, select

    with Session(persistence.engine) as session:
        chosen = select(MetadataRecordORM).where(MetadataRecordORM.namespace == persistence.namespace)
        for record in session.exec(chosen):
            yield record.model_dump()


def seconds_by_rule(records: Iterable[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Return the run time of each job (seconds), by its rule.

    Args:
        records: Snakemake keeps one record per output, so a job has several; its log identifies it.
    """
    jobs: dict[tuple[str, str], float] = {}
    for record in records:
        try:
            jobs[record["rule"], str(record["log"])] = float(record["endtime"]) - float(record["starttime"])
        except (KeyError, TypeError, ValueError):
            continue  # from another version of Snakemake, or incomplete
    seconds = defaultdict(list)
    for (rule, _), taken in jobs.items():
        seconds[rule].append(taken)
    return dict(seconds)
