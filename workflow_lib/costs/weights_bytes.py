"""Bytes of the trainable parameters, which do not depend on the exporter."""

from workflow_lib.core.candidate import BYTES
from workflow_lib.models.cost_declaration import CostDeclaration, ExportedNetwork


def compute(network: ExportedNetwork) -> int:
    """Count the bytes of the trainable parameters, which do not depend on the exporter."""
    from workflow_lib.models.counting import count_parameters

    return count_parameters(network.module) * BYTES[network.precision]


COST = CostDeclaration(
    title="Weights",
    short="Weights",
    meaning="trainable parameters times the bytes of a number: 4 for fp32, 2 for fp16, 1 for int8",
    compute=compute,
    unit="B",
    low=1,
    position=30,
)
