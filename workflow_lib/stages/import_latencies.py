"""Read latencies that others published, and check that there is one for every network of the run."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.errors import UserError
from workflow_lib.core.running import run_stage
from workflow_lib.devices.published.published_table import PUBLISHED, read_published
from workflow_lib.export.network_tables import NETWORKS

CONTRACT = 1


class ImportArguments(Arguments):
    """Flags of the stage."""

    table: Path = Field(description="the CSV file")
    networks: Path = Field(description="table of the networks of the run")
    output: Path = Field(description="output: the latency of every network")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ImportArguments.parse(__doc__, argv)
    if not arguments.table.exists():
        raise UserError("no such file", arguments.table, "correct the key `table` of the device")
    PUBLISHED.write(read_published(arguments.table, NETWORKS.read(arguments.networks)), arguments.output)


if __name__ == "__main__":
    run_stage(main)
