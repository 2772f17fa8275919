"""Put the one-row tables of many jobs into one table."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments, paths_from_stdin, run_stage
from workflow_lib.core.errors import TableError, UserError
from workflow_lib.core.tables import FOLD_SCORES, FOREST_SCORES, LATENCIES, NETWORKS

TABLES = {table.name: table for table in (FOLD_SCORES, FOREST_SCORES, LATENCIES, NETWORKS)}


class GatherArguments(Arguments):
    """Flags of the stage; the paths of the parts come on standard input, one per line."""

    table: str = Field(description=f"which table: {', '.join(TABLES)}")
    output: Path = Field(description="writes the whole table")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = GatherArguments.parse(__doc__, argv)
    if arguments.table not in TABLES:
        raise UserError(f"no table is called so; known are {', '.join(TABLES)}", f"--table {arguments.table}")
    table = TABLES[arguments.table]
    parts = paths_from_stdin("gather_table")
    try:
        whole = table.read_all(parts)
    except TableError as error:
        _set_aside(error, parts)
        raise
    table.write(whole, arguments.output)


def _set_aside(error: TableError, parts: Sequence[Path]) -> None:
    """Rename a damaged part, so that the next run makes it again."""
    part = Path(error.where)
    if part in parts and part.is_file():
        damaged = part.with_name(f"{part.name}.damaged")
        part.replace(damaged)
        raise TableError(f"{error.what}; it is now {damaged.name}", part, "run the same command to make it again")


if __name__ == "__main__":
    run_stage(main)
