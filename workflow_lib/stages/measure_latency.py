"""Measure the latency of one network on the machine that runs this stage."""

from collections.abc import Sequence

from workflow_lib.core.running import run_stage
from workflow_lib.devices.latency_row import write_latency

CONTRACT = 2


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    write_latency(__doc__, argv)


if __name__ == "__main__":
    run_stage(main)
