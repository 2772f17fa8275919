"""What a network costs, counted from its id alone: for planning, without torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """Costs for one chip.

    Attributes:
        multiply_adds: of convolutions and the linear layer.
        activations: numbers that all layers put out; the residual additions are not counted.
        parameters: trainable ones.
    """

    multiply_adds: int
    activations: int
    parameters: int
