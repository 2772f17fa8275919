"""Fit the analytic latency model of one device to nn-Meter's published predictions."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.core.sealed import write_json
from workflow_lib.devices.calibrated.calibration import fit

CONTRACT = 2


class CalibrateArguments(Arguments):
    """Flags of the stage."""

    device: str = Field(description="name of the device in nn-Meter")
    output: Path = Field(description="output: the predictor (JSON)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = CalibrateArguments.parse(__doc__, argv)
    write_json(arguments.output, fit(arguments.device).to_dict())


if __name__ == "__main__":
    run_stage(main)
