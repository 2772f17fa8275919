"""Put the one-row tables of many jobs into one table."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments, paths_from_stdin, run_stage
from workflow_lib.core.errors import UserError
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
    table.write(table.read_all(paths_from_stdin("gather_table")), arguments.output)


if __name__ == "__main__":
    run_stage(main)
