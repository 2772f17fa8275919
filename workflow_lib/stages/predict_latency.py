"""Predict the latency of one network on one device.

In the workflow, it reads the inputs of the device's kind and writes a row of latencies. On the command line,
`MODEL.onnx --device NAME [--breakdown]` prints the prediction for any CNN with fixed shapes; `MODEL.onnx --help`
lists the other flags.
"""

import sys
from collections.abc import Sequence

from workflow_lib.core.running import run_stage
from workflow_lib.devices.latency_row import write_latency

CONTRACT = 3


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    given = sys.argv[1:] if argv is None else list(argv)
    if given and not given[0].startswith("-"):
        from workflow_lib.devices.package.described_model import describe_model

        print(describe_model(__doc__, given))
    else:
        write_latency(__doc__, given)


if __name__ == "__main__":
    run_stage(main)
