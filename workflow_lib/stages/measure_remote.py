"""Measure networks on a device that is reached from here; standard input lists their files and folders."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments, paths_from_stdin
from workflow_lib.core.running import run_stage
from workflow_lib.devices.remote import RemoteConfig
from workflow_lib.devices.remote.campaign import measure_remotely
from workflow_lib.devices.remote.remote_tables import REMOTE
from workflow_lib.devices.remote.sample_folder import networks_in

CONTRACT = 1


class RemoteArguments(Arguments):
    """Flags of the stage."""

    settings: RemoteConfig
    output: Path = Field(description="output: one row per network")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = RemoteArguments.parse(__doc__, argv)
    kept = arguments.output.with_suffix("")
    models = [model for path in paths_from_stdin("measure_remote") for model in networks_in(path)]
    table = measure_remotely(arguments.settings, models, kept)
    REMOTE.write(table, arguments.output)


if __name__ == "__main__":
    run_stage(main)
