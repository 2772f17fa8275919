"""Check that a predictor package has a forest for every kernel of every network."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments, paths_from_stdin
from workflow_lib.core.running import run_stage
from workflow_lib.devices.package import PackageConfig, read
from workflow_lib.latency.latency_tables import COVERAGE, KERNELS
from workflow_lib.latency.pricing import count_uncovered, require_coverage, to_kernels

CONTRACT = 2


class CoverageArguments(Arguments):
    """Flags of the stage; standard input lists the paths of the kernel tables, one per line."""

    settings: PackageConfig
    device: str = Field(description="name of the device")
    predictor: Path = Field(description="folder written by import_package")
    output: Path = Field(description="output: the kernels without a forest")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = CoverageArguments.parse(__doc__, argv)
    predictor = read(arguments.settings, arguments.predictor, arguments.device)
    networks = {str(path): to_kernels(KERNELS.read(path)) for path in paths_from_stdin("check_coverage")}
    if arguments.settings.uncovered == "error":
        require_coverage(networks, predictor)
    COVERAGE.write(count_uncovered(networks, predictor), arguments.output)


if __name__ == "__main__":
    run_stage(main)
