"""Number of trainable parameters."""

from workflow_lib.models.cost_declaration import CostDeclaration, ExportedNetwork, ShownAs


def compute(network: ExportedNetwork) -> int:
    """Count the trainable parameters."""
    from workflow_lib.models.counting import count_parameters

    return count_parameters(network.module)


COST = CostDeclaration(
    title="Trainable parameters",
    short="Parameters",
    meaning="trainable parameters",
    compute=compute,
    low=1,
    shown=ShownAs("million", 1e-6, 2),
    in_answer=True,
    position=40,
)
