"""Costs of a network that are counted from its id alone, without torch; planning uses them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """Costs for one chip.

    Attributes:
        multiply_adds: multiply-adds of convolutions and the linear layer.
        activations: output values of all layers; residual additions are not counted.
        parameters: trainable parameters.
    """

    multiply_adds: int
    activations: int
    parameters: int
