"""Multiply-adds of convolutions and linear layers for one chip."""

from workflow_lib.models.cost_declaration import CostDeclaration, ExportedNetwork, ShownAs


def compute(network: ExportedNetwork) -> int:
    """Count the multiply-adds of convolutions and linear layers for one chip."""
    from workflow_lib.models.counting import count_multiply_adds

    return count_multiply_adds(network.module, network.channels, network.size_px)


COST = CostDeclaration(
    title="Multiply-adds per chip",
    short="Multiply-adds",
    meaning="multiply-adds per chip",
    compute=compute,
    low=1,
    shown=ShownAs("billion", 1e-9, 3),
    in_answer=True,
    position=50,
)
