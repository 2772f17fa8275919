"""Bytes of the trainable parameters in float32, which do not depend on the exporter."""

from workflow_lib.models.cost_declaration import CostDeclaration, ExportedNetwork


def compute(network: ExportedNetwork) -> int:
    """Count the bytes of the trainable parameters in float32, which do not depend on the exporter."""
    from workflow_lib.models.counting import BYTES_PER_FLOAT, count_parameters

    return count_parameters(network.module) * BYTES_PER_FLOAT


COST = CostDeclaration(
    title="Weights",
    short="Weights",
    meaning="trainable parameters times 4 bytes",
    compute=compute,
    unit="B",
    low=1,
    position=30,
)
