"""Size of the deployed ONNX file."""

from workflow_lib.models.cost_declaration import CostDeclaration, ExportedNetwork


def compute(network: ExportedNetwork) -> int:
    """Read the size of the deployed ONNX file."""
    return network.deployed.stat().st_size


COST = CostDeclaration(
    title="Memory, deployed ONNX file",
    short="Memory",
    meaning="size of the deployed ONNX file",
    compute=compute,
    unit="B",
    low=1,
    in_answer=True,
    position=10,
)
