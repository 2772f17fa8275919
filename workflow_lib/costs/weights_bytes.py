"""Bytes of the trainable parameters in float32, which no exporter changes."""

from workflow_lib.models.cost_declaration import CostDeclaration, ExportedNetwork


def compute(network: ExportedNetwork) -> int:
    """Bytes of the trainable parameters in float32, which no exporter changes."""
    from workflow_lib.models.counting import BYTES_PER_FLOAT, count_parameters

    return count_parameters(network.module) * BYTES_PER_FLOAT


COST = CostDeclaration(
    title="Weights",
    short="Weights",
    meaning="parameters x 4",
    compute=compute,
    unit="B",
    low=1,
    position=30,
)
