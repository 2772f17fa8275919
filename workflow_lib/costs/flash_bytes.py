"""Size of a network's LiteRT file, which a microcontroller keeps in its flash memory."""

from workflow_lib.models.cost_declaration import CostDeclaration, ExportedNetwork


def compute(network: ExportedNetwork) -> int:
    """Estimate the size of the LiteRT file."""
    from workflow_lib.models.litert_memory import flash_bytes

    return flash_bytes(network.paper, network.precision)


COST = CostDeclaration(
    title="Flash memory, LiteRT file",
    short="Flash",
    meaning="estimated size of the LiteRT file",
    compute=compute,
    unit="B",
    low=1,
    position=80,
)
