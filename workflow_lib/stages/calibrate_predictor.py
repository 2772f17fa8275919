"""Fit the analytic latency model of one device to nn-Meter's published predictions."""

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.files import write_text
from workflow_lib.core.running import run_stage
from workflow_lib.latency.calibrated import fit


class CalibrateArguments(Arguments):
    """Flags of the stage."""

    device: str = Field(description="nn-Meter's name of the device")
    output: Path = Field(description="writes the predictor (JSON)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = CalibrateArguments.parse(__doc__, argv)
    write_text(arguments.output, json.dumps(fit(arguments.device).to_dict(), indent=2) + "\n")


if __name__ == "__main__":
    run_stage(main)
