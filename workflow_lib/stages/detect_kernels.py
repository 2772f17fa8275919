"""Split a network into the fused kernels that devices run, with nn-Meter."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.latency.kernel import FUSION_RULES
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.latency.latency_tables import KERNELS
from workflow_lib.latency.packages import check_fusion_rules
from workflow_lib.models.onnx_graph import check_graph

CONTRACT = 2


class DetectArguments(Arguments):
    """Flags of the stage."""

    network: Path = Field(description="ONNX file that keeps batch norm as nodes: detection.onnx of export_network")
    fusion_rules: Path = Field(
        default=FUSION_RULES, description="nn-Meter fusion rules (JSON): which operators run as one kernel"
    )
    output: Path = Field(description="output: the kernels of the network")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = DetectArguments.parse(__doc__, argv)
    check_graph(arguments.network)
    check_fusion_rules(arguments.fusion_rules)
    kernels = detect_kernels(arguments.network, arguments.fusion_rules)
    KERNELS.write(
        pd.DataFrame({"kernel": number, **asdict(kernel)} for number, kernel in enumerate(kernels)), arguments.output
    )


if __name__ == "__main__":
    run_stage(main)
