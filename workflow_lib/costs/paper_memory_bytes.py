"""Size of the untrained network's ONNX file: the memory column of CROSS."""

from workflow_lib.models.cost_declaration import CostDeclaration, ExportedNetwork


def compute(network: ExportedNetwork) -> int:
    """Read the size of the untrained network's ONNX file, the memory column of CROSS."""
    return network.paper.stat().st_size


COST = CostDeclaration(
    title="Memory, untrained ONNX file",
    short="Untrained file",
    meaning="size of the untrained network's ONNX file (the memory column of CROSS)",
    compute=compute,
    unit="B",
    low=1,
    position=20,
)
