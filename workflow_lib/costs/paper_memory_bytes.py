"""Size of the untrained network's ONNX file, which is CROSS's memory column."""

from workflow_lib.models.cost_declaration import CostDeclaration, ExportedNetwork


def compute(network: ExportedNetwork) -> int:
    """Size of the untrained network's ONNX file, which is CROSS's memory column."""
    return network.paper.stat().st_size


COST = CostDeclaration(
    title="Memory, untrained ONNX file",
    short="Untrained file",
    meaning="the ONNX file of the untrained network (CROSS's memory column)",
    compute=compute,
    unit="B",
    low=1,
    position=20,
)
