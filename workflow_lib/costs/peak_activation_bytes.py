"""Memory of a network's activations for one chip at run time, as LiteRT and tflite-micro plan it."""

from workflow_lib.models.cost_declaration import CostDeclaration, ExportedNetwork


def compute(network: ExportedNetwork) -> int:
    """Plan the memory of the activations for one chip."""
    from workflow_lib.models.litert_memory import peak_activation_bytes

    return peak_activation_bytes(network.paper, network.precision)


COST = CostDeclaration(
    title="Peak memory of activations",
    short="Peak activations",
    meaning="memory of the activations of one chip at run time, as LiteRT and tflite-micro plan it",
    compute=compute,
    unit="B",
    low=1,
    in_answer=True,
    position=70,
)
