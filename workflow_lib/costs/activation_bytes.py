"""Bytes of all layer outputs for one chip in float32."""

from workflow_lib.models.cost_declaration import CostDeclaration, ExportedNetwork


def compute(network: ExportedNetwork) -> int:
    """Count the bytes of all layer outputs for one chip in float32."""
    from workflow_lib.models.counting import count_activation_bytes

    return count_activation_bytes(network.module, network.channels, network.size_px)


COST = CostDeclaration(
    title="Activations of one chip",
    short="Activations",
    meaning="size of all layer outputs for one chip in float32",
    compute=compute,
    unit="B",
    low=1,
    position=60,
)
