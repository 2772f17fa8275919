"""Size of the ONNX file that is deployed."""

from workflow_lib.models.cost_declaration import CostDeclaration, ExportedNetwork


def compute(network: ExportedNetwork) -> int:
    """Size of the ONNX file that is deployed."""
    return network.deployed.stat().st_size


COST = CostDeclaration(
    title="Memory, deployed ONNX file",
    short="Memory",
    meaning="the deployed ONNX file",
    compute=compute,
    unit="B",
    low=1,
    in_answer=True,
    position=10,
)
