"""Convert an nn-Meter predictor package into plain arrays; a published package is downloaded once and pinned."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.devices.package.official_packages import fetch_package
from workflow_lib.latency.forest_predictor import Unit
from workflow_lib.latency.packages import import_package

CONTRACT = 2


class PackageArguments(Arguments):
    """Flags of the stage."""

    device: str = Field(description="name of the device")
    package: Path | None = Field(
        default=None, description="folder or zip file of the package; default: the published one"
    )
    unit: Unit | None = Field(default=None, description="unit of the predictions: ms, us, mJ; default: from meta.yaml")
    published: Path = Field(description="where the published zip file is, or is downloaded to")
    output: Path = Field(description="output: folder of the converted package")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = PackageArguments.parse(__doc__, argv)
    if arguments.package:
        import_package(arguments.package, arguments.output, arguments.unit, arguments.device)
    else:
        fetch_package(arguments.device, arguments.published)
        import_package(arguments.published, arguments.output, "ms", arguments.device)


if __name__ == "__main__":
    run_stage(main)
