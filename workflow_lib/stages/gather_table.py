"""Gather the one-row tables of many jobs into one table, with all of their columns or some."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments, paths_from_stdin
from workflow_lib.core.errors import UserError
from workflow_lib.core.running import run_stage
from workflow_lib.core.schema import Table
from workflow_lib.core.sealed import DamagedFileError, combine
from workflow_lib.export.network_tables import NETWORKS
from workflow_lib.latency.latency_tables import LATENCIES
from workflow_lib.training.score_tables import (
    FOLD_SCORES,
    FOREST,
    FOREST_PREDICTIONS,
    FOREST_SCORES,
    PREDICTIONS,
    TRAINING,
    is_failed,
)
from workflow_lib.training.utilization_tables import LAYERS, UTILIZATIONS

_SOURCES = {
    FOLD_SCORES: TRAINING, PREDICTIONS: TRAINING, FOREST_SCORES: FOREST, FOREST_PREDICTIONS: FOREST,
    LATENCIES: LATENCIES, LAYERS: LAYERS, NETWORKS: NETWORKS, UTILIZATIONS: UTILIZATIONS,
}  # fmt: skip
"""Gathered table -> the table of its parts, which may have more columns."""

TABLES = {table.name: table for table in _SOURCES}

CONTRACT = 1


class GatherArguments(Arguments):
    """Flags of the stage; standard input lists the paths of the parts, one per line."""

    table: str = Field(description=f"name of the table: {', '.join(TABLES)}")
    allow_missing: bool = Field(default=False, description="skip the parts of permanently failed jobs")
    output: Path = Field(description="output: the whole table")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = GatherArguments.parse(__doc__, argv)
    if arguments.table not in TABLES:
        raise UserError(f"unknown table; choose from {', '.join(TABLES)}", f"--table {arguments.table}")
    table = TABLES[arguments.table]
    parts = paths_from_stdin("gather_table")
    if arguments.allow_missing:
        parts = [part for part in parts if not is_failed(part)]
        if not parts:
            raise UserError("every job failed; see their logs", f"table {table.name}")
    table.write(pd.concat(_read_all(table, parts), ignore_index=True), arguments.output)


def _read_all(table: Table, parts: Sequence[Path]) -> list[pd.DataFrame]:
    """Read the table's columns of all parts; damaged parts are reported together, so that the next run renews all."""
    source, columns = _SOURCES[table], [column.name for column in table.columns]
    frames, errors = [], []
    for part in parts:
        try:
            frame = source.read_nonempty(part)
            frames.append(frame if source is table else frame[columns])
        except DamagedFileError as error:
            errors.append(error)
    if errors:
        raise combine(errors)
    return frames


if __name__ == "__main__":
    run_stage(main)
